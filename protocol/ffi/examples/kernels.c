// The kernels from C: a product of polynomials, and ReLUs of secret sums between a garbler and an evaluator,
// whose labels come from oblivious transfers. Both parties are in this process; memory stands for the network.
#include "gazelle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Ends the program with the library's words if a call fails.
static void check(GazelleStatus status) {
    if (status != GAZELLE_STATUS_OK) {
        fprintf(stderr, "%s\n", gazelle_last_error());
        exit(1);
    }
}

static void ensure(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "wrong: %s\n", what);
        exit(1);
    }
}

static void *room(size_t bytes) {
    void *memory = calloc(bytes ? bytes : 1, 1);
    ensure(memory != NULL, "there is memory");
    return memory;
}

// The product of a and b modulo X^n + 1 and q, by its definition.
static void schoolbook(uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n, uint64_t q) {
    memset(out, 0, n * sizeof *out);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            uint64_t product = (uint64_t)((unsigned __int128)a[i] * b[j] % q);
            size_t k = (i + j) % n;
            out[k] = (out[k] + (i + j < n ? product : q - product)) % q;
        }
    }
}

// A sum of two products of polynomials.
static void transforms(size_t n, uint32_t bits) {
    uint64_t q;
    size_t found;
    check(gazelle_ntt_primes(n, bits, &q, 1, &found));
    ensure(found == 1, "there is such a prime");
    GazelleNtt *ntt;
    check(gazelle_ntt_new(n, q, &ntt));
    uint64_t *all = room(6 * n * sizeof *all);
    uint64_t *a[2] = {all, all + n}, *b[2] = {all + 2 * n, all + 3 * n};
    uint64_t *expected = all + 4 * n, *other = all + 5 * n;
    uint64_t *sum = room(n * sizeof *sum);
    for (size_t i = 0; i < 4 * n; i++) {
        all[i] = (i + 1) * 0x9e3779b97f4a7c15 % q;
    }
    schoolbook(expected, a[0], b[0], n, q);
    schoolbook(other, a[1], b[1], n, q);
    check(gazelle_ntt_forward(ntt, all, 4 * n)); // four polynomials at once
    check(gazelle_ntt_inner_product(ntt, sum, (const uint64_t *const *)a,
                                    (const uint64_t *const *)b, 2, n));
    check(gazelle_ntt_inverse(ntt, sum, n));
    for (size_t i = 0; i < n; i++) {
        ensure(sum[i] == (expected[i] + other[i]) % q, "a product of polynomials");
    }
    printf("n = %zu modulo %llu on %s: equal\n", n, (unsigned long long)q,
           gazelle_ntt_backend(ntt));
    gazelle_ntt_free(ntt);
    free(all);
    free(sum);
}

// The evaluator's zero labels for the garbler, and the labels of its bits for itself.
static void transfer(const uint8_t delta[16], const uint8_t *bits, size_t count, uint8_t *zeros,
                     uint8_t *labels) {
    const uint32_t field_bits = 4;
    const uint8_t session[32] = {7}; // a name that both parties use once
    GazelleOtLengths lengths;
    size_t message_length;
    check(gazelle_ot_lengths(field_bits, &lengths));
    check(gazelle_ot_message_length(field_bits, count, &message_length));
    uint8_t *offer = room(lengths.offer), *reply = room(lengths.reply);
    uint8_t *corrections = room(lengths.corrections), *message = room(message_length);
    GazelleOtReceiver *receiver;
    GazelleOtSender *sender;
    check(gazelle_ot_receiver_new(field_bits, offer, lengths.offer, &receiver));
    check(gazelle_ot_sender_new(field_bits, session, delta, offer, lengths.offer, reply,
                                lengths.reply, &sender));
    check(gazelle_ot_receiver_finish(receiver, session, reply, lengths.reply, corrections,
                                     lengths.corrections));
    check(gazelle_ot_sender_finish(sender, corrections, lengths.corrections));
    // Once for all transfers of a session; then a message for as many as one likes.
    check(gazelle_ot_receiver_extend(receiver, bits, count, labels, message, message_length));
    check(gazelle_ot_sender_extend(sender, message, message_length, zeros, count));
    gazelle_ot_receiver_free(receiver);
    gazelle_ot_sender_free(sender);
    free(offer);
    free(reply);
    free(corrections);
    free(message);
}

// ReLUs of sums of 20 bits, of which each party has a share.
static void relus(size_t instances) {
    GazelleProgram *program;
    GazelleProgramSizes sizes;
    check(gazelle_program_relu(20, 8, 1, 16, &program));
    check(gazelle_program_sizes(program, instances, &sizes));
    uint32_t *a = room(sizes.sums * sizeof *a), *b = room(sizes.sums * sizeof *b);
    for (size_t i = 0; i < sizes.sums; i++) {
        a[i] = (uint32_t)(i * 0x9e3779b9) & 0xfffff;
        b[i] = (uint32_t)(i * 0x85ebca6b) >> 12;
    }
    uint8_t *a_bits = room(sizes.labels), *b_bits = room(sizes.labels);
    check(gazelle_program_bits(program, a, sizes.sums, a_bits, sizes.labels));
    check(gazelle_program_bits(program, b, sizes.sums, b_bits, sizes.labels));

    GazelleGarbler *garbler;
    GazelleEvaluator *evaluator;
    uint8_t key[16], delta[16];
    check(gazelle_garbler_new(GAZELLE_HASH_KIND_MITCCRH, &garbler));
    check(gazelle_garbler_key(garbler, key)); // which the evaluator is told
    check(gazelle_garbler_delta(garbler, delta));
    check(gazelle_evaluator_new(GAZELLE_HASH_KIND_MITCCRH, key, &evaluator));

    // a is the evaluator's, b the garbler's.
    uint8_t *a_zeros = room(16 * sizes.labels), *a_labels = room(16 * sizes.labels);
    uint8_t *b_zeros = room(16 * sizes.labels), *b_labels = room(16 * sizes.labels);
    transfer(delta, a_bits, sizes.labels, a_zeros, a_labels);
    check(gazelle_garbler_draw(garbler, b_zeros, sizes.labels));
    check(gazelle_garbler_activate(garbler, b_zeros, b_bits, sizes.labels, b_labels));

    uint8_t *tables = room(sizes.table_bytes);
    uint32_t *shares = room(sizes.shares * sizeof *shares);
    uint32_t *results = room(sizes.results * sizeof *results);
    uint32_t *expected = room(sizes.results * sizeof *expected);
    check(gazelle_garble_program(garbler, program, instances, a_zeros, b_zeros, sizes.labels,
                                 tables, sizes.table_bytes, shares, sizes.shares));
    check(gazelle_evaluate_program(evaluator, program, instances, a_labels, b_labels, sizes.labels,
                                   tables, sizes.table_bytes, results, sizes.results));
    check(gazelle_program_clear(program, instances, a, b, sizes.sums, expected, sizes.results));
    for (size_t i = 0; i < sizes.results; i++) {
        ensure(((results[i] - shares[i]) & 0xffff) == expected[i], "a ReLU");
    }
    printf("%zu ReLUs of secret sums, %zu bytes of tables: equal\n", instances, sizes.table_bytes);

    // ANDs one by one, for programs of one's own: those of the first bits of both parties.
    uint8_t *and_tables = room(32 * instances), *zeros = room(16 * instances);
    uint8_t *labels = room(16 * instances);
    check(gazelle_garble_ands(garbler, instances, a_zeros, b_zeros, and_tables, zeros));
    check(gazelle_evaluate_ands(evaluator, instances, a_labels, b_labels, and_tables, labels));
    for (size_t i = 0; i < instances; i++) {
        uint8_t value = a_bits[i] & b_bits[i];
        for (size_t k = 0; k < 16; k++) {
            uint8_t expected_byte = zeros[16 * i + k] ^ (value ? delta[k] : 0);
            ensure(labels[16 * i + k] == expected_byte, "an AND");
        }
    }
    printf("%zu ANDs: equal\n", instances);

    void *buffers[] = {a,        b,        a_bits, b_bits, a_zeros, a_labels,   b_zeros,
                       b_labels, expected, tables, shares, results, and_tables, zeros, labels};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) {
        free(buffers[i]);
    }
    gazelle_garbler_free(garbler);
    gazelle_evaluator_free(evaluator);
    gazelle_program_free(program);
}

// A circuit file: sums of two numbers of one bit.
static void circuit(void) {
    const char *half_adder = "2 4\n2 1 1\n1 2\n2 1 0 1 2 XOR\n2 1 0 1 3 AND\n";
    GazelleCircuit *circuit;
    GazelleCircuitSizes sizes;
    check(gazelle_circuit_parse(half_adder, &circuit));
    check(gazelle_circuit_sizes(circuit, 4, &sizes));
    const uint8_t bits[8] = {0, 1, 0, 1, 0, 0, 1, 1}, expected[8] = {0, 1, 1, 0, 0, 0, 0, 1};
    uint8_t key[16], zeros[8 * 16], labels[8 * 16], outputs[8];
    uint8_t *tables = room(sizes.table_bytes);
    ensure(sizes.labels == 8 && sizes.outputs == 8, "the sizes of a circuit");
    GazelleGarbler *garbler;
    GazelleEvaluator *evaluator;
    check(gazelle_garbler_new(GAZELLE_HASH_KIND_MITCCRH_STRICT, &garbler));
    check(gazelle_garbler_key(garbler, key));
    check(gazelle_evaluator_new(GAZELLE_HASH_KIND_MITCCRH_STRICT, key, &evaluator));
    check(gazelle_garbler_draw(garbler, zeros, 8));
    check(gazelle_garbler_activate(garbler, zeros, bits, 8, labels));
    check(gazelle_garble_circuit(garbler, circuit, 4, zeros, 8, tables, sizes.table_bytes));
    check(gazelle_evaluate_circuit(evaluator, circuit, 4, labels, 8, tables, sizes.table_bytes,
                                   outputs, 8));
    ensure(memcmp(outputs, expected, 8) == 0, "a circuit");
    printf("4 half adders: equal\n");
    free(tables);
    gazelle_garbler_free(garbler);
    gazelle_evaluator_free(evaluator);
    gazelle_circuit_free(circuit);
}

int main(void) {
    for (uint32_t bits = 30; bits <= 62; bits += 16) {
        transforms(1024, bits);
    }
    relus(1000);
    circuit();
    return 0;
}
