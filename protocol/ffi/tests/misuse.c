// What must be refused, each with its status and words: misuse HOST PORT CLOSED-PORT
#include "gazelle.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int checks;

static void expect(int line, GazelleStatus found, GazelleStatus expected, const char *words) {
    checks++;
    if (found != expected || (words && !strstr(gazelle_last_error(), words))) {
        fprintf(stderr, "line %d: status %d instead of %d: %s\n", line, found, expected,
                gazelle_last_error());
        exit(1);
    }
}
#define OK(call) expect(__LINE__, call, GAZELLE_STATUS_OK, NULL)
#define REFUSED(status, words, call) expect(__LINE__, call, GAZELLE_STATUS_##status, words)
#define TRUE(condition) \
    expect(__LINE__, (condition) ? GAZELLE_STATUS_OK : GAZELLE_STATUS_INTERNAL, GAZELLE_STATUS_OK, NULL)

static void transforms(void) {
    uint64_t q, a[16] = {1}, b[16] = {2};
    size_t found;
    GazelleNtt *ntt = (GazelleNtt *)a;
    OK(gazelle_ntt_primes(8, 30, &q, 1, &found));
    REFUSED(ARGUMENT, "primes is null", gazelle_ntt_primes(8, 30, NULL, 1, &found));
    REFUSED(ARGUMENT, "found is null", gazelle_ntt_primes(8, 30, &q, 1, NULL));
    REFUSED(ARGUMENT, "power of two", gazelle_ntt_primes(9, 30, &q, 1, &found));
    REFUSED(ARGUMENT, "power of two", gazelle_ntt_new(12, q, &ntt));
    TRUE(ntt == NULL);
    REFUSED(ARGUMENT, "prime", gazelle_ntt_new(8, q - 1, &ntt));
    REFUSED(ARGUMENT, "prime", gazelle_ntt_new(8, UINT64_MAX, &ntt));
    REFUSED(ARGUMENT, "null", gazelle_ntt_new(8, q, NULL));
    OK(gazelle_ntt_new(8, q, &ntt));
    REFUSED(ARGUMENT, "ntt is null", gazelle_ntt_forward(NULL, a, 8));
    REFUSED(ARGUMENT, "a is null", gazelle_ntt_forward(ntt, NULL, 8));
    REFUSED(ARGUMENT, "multiple of 8", gazelle_ntt_forward(ntt, a, 12));
    REFUSED(ARGUMENT, "aligned", gazelle_ntt_inverse(ntt, (uint64_t *)((char *)a + 4), 8));
    REFUSED(ARGUMENT, "longer than memory", gazelle_ntt_inverse(ntt, a, SIZE_MAX - 7));
    REFUSED(ARGUMENT, "overlaps", gazelle_ntt_mul(ntt, a, a, b, 8));
    REFUSED(ARGUMENT, "overlaps", gazelle_ntt_mul_add(ntt, a + 7, b, a, 8));
    const uint64_t *factors[2] = {a, NULL};
    REFUSED(ARGUMENT, "a is null", gazelle_ntt_inner_product(ntt, b, factors, factors, 2, 8));
    REFUSED(ARGUMENT, "overlaps", gazelle_ntt_inner_product(ntt, a, factors, factors, 1, 8));
    OK(gazelle_ntt_forward(ntt, a, 16));
    OK(gazelle_ntt_forward(ntt, NULL, 0));
    gazelle_ntt_free(ntt);
    gazelle_ntt_free(NULL);
    TRUE(gazelle_ntt_backend(NULL) == NULL);
}

static void garbling(void) {
    GazelleProgram *program;
    GazelleProgramSizes sizes;
    REFUSED(ARGUMENT, "range", gazelle_program_relu(0, 0, 1, 8, &program));
    REFUSED(ARGUMENT, "range", gazelle_program_relu(20, 19, 1, 8, &program));
    REFUSED(ARGUMENT, "range", gazelle_program_relu(20, UINT32_MAX, 1, 8, &program));
    REFUSED(ARGUMENT, "too many", gazelle_program_relu(20, 8, SIZE_MAX, 8, &program));
    REFUSED(ARGUMENT, "range", gazelle_program_clamp(20, 8, 1, 1, 0, 8, &program));
    REFUSED(ARGUMENT, "too many", gazelle_program_top(20, 1 << 16, 1 << 16, &program));
    TRUE(program == NULL);
    OK(gazelle_program_relu(20, 8, 1, 8, &program));
    REFUSED(ARGUMENT, "too many", gazelle_program_sizes(program, SIZE_MAX, &sizes));
    OK(gazelle_program_sizes(program, 2, &sizes));
    TRUE(sizes.labels == 40 && sizes.shares == 2);

    GazelleGarbler *garbler;
    GazelleEvaluator *evaluator;
    uint8_t key[16];
    REFUSED(ARGUMENT, "kind 3", gazelle_garbler_new(3, &garbler));
    REFUSED(ARGUMENT, "key is null", gazelle_evaluator_new(0, NULL, &evaluator));
    OK(gazelle_garbler_new(GAZELLE_HASH_KIND_MITCCRH, &garbler));
    OK(gazelle_garbler_key(garbler, key));
    OK(gazelle_evaluator_new(GAZELLE_HASH_KIND_MITCCRH, key, &evaluator));
    uint8_t *labels = calloc(3 * 40, 16), *tables = calloc(sizes.table_bytes + 1, 1);
    uint32_t shares[3];
    REFUSED(ARGUMENT, "labels has 39",
            gazelle_garble_program(garbler, program, 2, labels, labels + 640, 39, tables,
                                   sizes.table_bytes, shares, 2));
    REFUSED(ARGUMENT, "tables has",
            gazelle_garble_program(garbler, program, 2, labels, labels + 640, 40, tables,
                                   sizes.table_bytes - 1, shares, 2));
    REFUSED(ARGUMENT, "shares has",
            gazelle_garble_program(garbler, program, 2, labels, labels + 640, 40, tables,
                                   sizes.table_bytes, shares, 3));
    REFUSED(ARGUMENT, "overlaps",
            gazelle_garble_program(garbler, program, 2, labels, tables, 40, tables,
                                   sizes.table_bytes, shares, 2));
    REFUSED(ARGUMENT, "results has",
            gazelle_evaluate_program(evaluator, program, 2, labels, labels + 640, 40, tables,
                                     sizes.table_bytes, shares, 1));
    REFUSED(ARGUMENT, "evaluator is null",
            gazelle_evaluate_program(NULL, program, 2, labels, labels + 640, 40, tables,
                                     sizes.table_bytes, shares, 2));
    REFUSED(ARGUMENT, "overlaps", gazelle_garble_ands(garbler, 2, labels, labels, tables, labels));
    REFUSED(ARGUMENT, "more", gazelle_garble_ands(garbler, SIZE_MAX / 16, labels, labels, tables, labels));
    // Misaligned labels are labels all the same, and a wrong call takes no gate numbers.
    OK(gazelle_garbler_draw(garbler, labels + 1, 80));
    OK(gazelle_garble_program(garbler, program, 2, labels + 1, labels + 641, 40, tables,
                              sizes.table_bytes, shares, 2));
    OK(gazelle_evaluate_program(evaluator, program, 2, labels + 1, labels + 641, 40, tables,
                                sizes.table_bytes, shares, 2));

    GazelleCircuit *circuit;
    REFUSED(INPUT, "line 1", gazelle_circuit_parse("no circuit", &circuit));
    REFUSED(ARGUMENT, "bristol is null", gazelle_circuit_parse(NULL, &circuit));
    REFUSED(ARGUMENT, "UTF-8", gazelle_circuit_parse("\xff", &circuit));
    free(labels);
    free(tables);
    gazelle_program_free(program);
    gazelle_garbler_free(garbler);
    gazelle_evaluator_free(evaluator);
}

static void transfers(void) {
    GazelleOtReceiver *receiver;
    GazelleOtSender *sender;
    GazelleOtLengths lengths;
    uint8_t session[32] = {1}, delta[16] = {1}, bits[3] = {0, 1, 1}, labels[48], zeros[48];
    size_t len;
    REFUSED(ARGUMENT, "field bits are 3", gazelle_ot_lengths(3, &lengths));
    REFUSED(ARGUMENT, "field bits are 257", gazelle_ot_message_length(257, 1, &len));
    OK(gazelle_ot_lengths(2, &lengths));
    OK(gazelle_ot_message_length(2, 3, &len));
    uint8_t *offer = malloc(lengths.offer), *reply = malloc(lengths.reply);
    uint8_t *corrections = malloc(lengths.corrections), *message = malloc(len);
    REFUSED(ARGUMENT, "offer has", gazelle_ot_receiver_new(2, offer, lengths.offer - 1, &receiver));
    OK(gazelle_ot_receiver_new(2, offer, lengths.offer, &receiver));
    REFUSED(STATE, "set-up comes first", gazelle_ot_receiver_extend(receiver, bits, 3, labels, message, len));
    memset(corrections, 0xff, lengths.offer);
    REFUSED(PEER, "curve point",
            gazelle_ot_sender_new(2, session, delta, corrections, lengths.offer, reply, lengths.reply, &sender));
    TRUE(sender == NULL);
    OK(gazelle_ot_sender_new(2, session, delta, offer, lengths.offer, reply, lengths.reply, &sender));
    REFUSED(STATE, "set-up comes first", gazelle_ot_sender_extend(sender, message, len, zeros, 3));
    OK(gazelle_ot_receiver_finish(receiver, session, reply, lengths.reply, corrections, lengths.corrections));
    REFUSED(STATE, "is over",
            gazelle_ot_receiver_finish(receiver, session, reply, lengths.reply, corrections, lengths.corrections));
    OK(gazelle_ot_sender_finish(sender, corrections, lengths.corrections));
    REFUSED(ARGUMENT, "message has", gazelle_ot_receiver_extend(receiver, bits, 3, labels, message, len - 1));
    OK(gazelle_ot_receiver_extend(receiver, bits, 3, labels, message, len));
    // A receiver that deviates ends the session.
    message[0] ^= 1;
    REFUSED(PEER, "broke the protocol", gazelle_ot_sender_extend(sender, message, len, zeros, 3));
    REFUSED(STATE, "has failed", gazelle_ot_sender_extend(sender, message, len, zeros, 3));
    free(offer);
    free(reply);
    free(corrections);
    free(message);
    gazelle_ot_receiver_free(receiver);
    gazelle_ot_sender_free(sender);
    gazelle_ot_sender_free(NULL);
}

// A connection that can be cut.
typedef struct {
    int socket;
    bool cut;
} Connection;

static ptrdiff_t carry_read(void *context, uint8_t *buffer, size_t len) {
    Connection *connection = context;
    return connection->cut ? 0 : recv(connection->socket, buffer, len, 0);
}

static ptrdiff_t carry_write(void *context, const uint8_t *buffer, size_t len) {
    return send(((Connection *)context)->socket, buffer, len, MSG_NOSIGNAL);
}

static ptrdiff_t boast(void *context, uint8_t *buffer, size_t len) {
    (void)context;
    memset(buffer, 0, len);
    return (ptrdiff_t)len + 1;
}

static int dial(const char *host, const char *port) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    if (getaddrinfo(host, port, &hints, &found)) {
        exit(1);
    }
    int socket_ = -1;
    for (struct addrinfo *at = found; at; at = at->ai_next) {
        socket_ = socket(at->ai_family, at->ai_socktype, at->ai_protocol);
        if (connect(socket_, at->ai_addr, at->ai_addrlen) == 0) {
            break;
        }
        close(socket_);
    }
    freeaddrinfo(found);
    return socket_;
}

static void client(char **argv) {
    char server[300], closed[300], other_card[65];
    snprintf(server, sizeof server, "%s:%s", argv[1], argv[2]);
    snprintf(closed, sizeof closed, "%s:%s", argv[1], argv[3]);
    memset(other_card, '0', 64);
    other_card[64] = 0;
    GazelleClientOptions options;
    GazelleClient *client;
    REFUSED(ARGUMENT, "options is null", gazelle_client_defaults(NULL));
    OK(gazelle_client_defaults(&options));
    REFUSED(ARGUMENT, "server is null", gazelle_client_connect(NULL, &options, &client));
    REFUSED(ARGUMENT, "options is null", gazelle_client_connect(server, NULL, &client));
    REFUSED(CONNECTION, "cannot reach", gazelle_client_connect(closed, &options, &client));
    REFUSED(CONNECTION, "cannot reach", gazelle_client_connect("no address", &options, &client));
    TRUE(client == NULL);
    REFUSED(ARGUMENT, "other machines", gazelle_client_connect("192.0.2.1:7464", &options, &client));
    options.card = "12";
    REFUSED(ARGUMENT, "card's hash", gazelle_client_connect(server, &options, &client));
    options.card = other_card;
    REFUSED(PEER, "card", gazelle_client_connect(server, &options, &client));
    options.card = NULL;
    options.model = "another";
    REFUSED(REFUSED, NULL, gazelle_client_connect(server, &options, &client));
    options.model = NULL;
    options.tls = "/no/such/folder";
    REFUSED(INPUT, "/no/such/folder", gazelle_client_connect(server, &options, &client));
    options.tls = NULL;
    options.max_download = 1000;
    REFUSED(LIMIT, "more than", gazelle_client_connect(server, &options, &client));
    OK(gazelle_client_defaults(&options));

    OK(gazelle_client_connect(server, &options, &client));
    GazelleModel model;
    OK(gazelle_client_model(client, &model));
    TRUE(model.channels == 1 && model.height == 28 && model.width == 28 && model.numbers == 1);
    TRUE(gazelle_client_class(client, model.classes) == NULL);
    TRUE(gazelle_client_class(NULL, 0) == NULL && gazelle_client_card(NULL) == NULL);
    uint8_t pixels[28 * 28] = {0};
    int32_t numbers[2];
    REFUSED(ARGUMENT, "pixels has 783", gazelle_client_classify(client, pixels, 783, numbers, 1));
    REFUSED(ARGUMENT, "numbers has 2", gazelle_client_classify(client, pixels, 784, numbers, 2));
    REFUSED(ARGUMENT, "numbers is null", gazelle_client_classify(client, pixels, 784, NULL, 1));
    REFUSED(ARGUMENT, "cannot be prepared", gazelle_client_prepare(client, 0));
    REFUSED(ARGUMENT, "cannot be prepared", gazelle_client_prepare(client, SIZE_MAX));
    GazellePicture *picture;
    REFUSED(INPUT, "PNG or JPEG", gazelle_picture_decode(pixels, 784, &picture));
    REFUSED(ARGUMENT, "picture is null", gazelle_picture_pixels(NULL, client, pixels, 784));
    gazelle_picture_free(NULL);
    // Nothing of that has ended the session.
    OK(gazelle_client_classify(client, pixels, 784, numbers, 1));
    // The card that it has is the card that it asks for.
    char card[65];
    snprintf(card, sizeof card, "%s", gazelle_client_card(client));
    gazelle_client_free(client);
    options.card = card;
    OK(gazelle_client_connect(server, &options, &client));
    gazelle_client_free(client);
    gazelle_client_free(NULL);

    Connection connection = {dial(argv[1], argv[2]), false};
    REFUSED(ARGUMENT, "read is null", gazelle_client_connect_over(NULL, carry_write, &connection, &options, &client));
    REFUSED(CONNECTION, "more bytes than there are",
            gazelle_client_connect_over(boast, carry_write, &connection, &options, &client));
    close(connection.socket);
    connection.socket = dial(argv[1], argv[2]);
    OK(gazelle_client_connect_over(carry_read, carry_write, &connection, &options, &client));
    OK(gazelle_client_prepare(client, 1));
    connection.cut = true;
    REFUSED(CONNECTION, "closed the connection", gazelle_client_classify(client, pixels, 784, numbers, 1));
    REFUSED(STATE, "ended", gazelle_client_prepare(client, 1));
    REFUSED(STATE, "ended", gazelle_client_classify(client, pixels, 784, numbers, 1));
    gazelle_client_free(client);
    close(connection.socket);
}

int main(int argc, char **argv) {
    if (argc != 4) {
        return 2;
    }
    transforms();
    garbling();
    transfers();
    client(argv);
    printf("%d checks\n", checks);
    return 0;
}
