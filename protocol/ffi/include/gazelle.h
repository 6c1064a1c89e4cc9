// Gazelle in C. docs/c.md tells how it is linked and used.
//
// Made by cbindgen from protocol/ffi; do not change it by hand.


#ifndef GAZELLE_H
#define GAZELLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// How a call ended. `gazelle_last_error` has the words.
typedef enum {
  // It did what it says.
  GAZELLE_STATUS_OK = 0,
  // An argument is null, misaligned, too short or long, overlaps another, or is out of its range.
  // Nothing was changed.
  GAZELLE_STATUS_ARGUMENT = 1,
  // The handle cannot do that now: its session has ended, another step comes first, or another
  // thread is using it.
  GAZELLE_STATUS_STATE = 2,
  // The other party sent what no honest one sends, or has another card, version or plan. The session
  // is over.
  GAZELLE_STATUS_PEER = 3,
  // The server refuses, in its own words. The session is over.
  GAZELLE_STATUS_REFUSED = 4,
  // The server cannot be reached, or the connection failed or was silent for too long: another try
  // may help. The session is over.
  GAZELLE_STATUS_CONNECTION = 5,
  // What is asked takes more memory or bytes than the options allow.
  GAZELLE_STATUS_LIMIT = 6,
  // A picture or a file is not what it must be.
  GAZELLE_STATUS_INPUT = 7,
  // A fault of the library: please report it. The handles of the call can only be freed.
  GAZELLE_STATUS_INTERNAL = 8,
} GazelleStatus;

// What the numbers of an outcome are.
typedef enum {
  // One: the class with the largest value.
  GAZELLE_HEAD_CLASS = 0,
  // Some: the classes with the largest values, the largest first.
  GAZELLE_HEAD_TOP = 1,
  // One for each class: 1 if its value reaches its threshold, else 0.
  GAZELLE_HEAD_THRESHOLDS = 2,
  // Two: the class with the largest value, and a confidence of 0 to 3.
  GAZELLE_HEAD_CONFIDENCE = 3,
  // One for each class: its value.
  GAZELLE_HEAD_VALUES = 4,
} GazelleHead;

// Which hash garbles a session.
typedef enum {
  // MITCCRH with a key for at most 128 instances of a gate: the fastest.
  GAZELLE_HASH_KIND_MITCCRH = 0,
  // MITCCRH with a key for every instance: for few instances of a circuit.
  GAZELLE_HASH_KIND_MITCCRH_STRICT = 1,
  // TCCR under one key.
  GAZELLE_HASH_KIND_FIXED_KEY = 2,
} GazelleHashKind;

// A boolean circuit, which runs on many instances at once. Bit t of all inputs, or outputs, of instance i
// stands at t·instances + i, t counting through all values in their order.
//
// Circuits never change: any number of threads may use one at once.
typedef struct GazelleCircuit GazelleCircuit;

// A session with a server. One thread at a time may use it, another one later; what the model is may be asked
// on any thread.
typedef struct GazelleClient GazelleClient;

// The evaluator of a session. One thread at a time may use it, another one later.
typedef struct GazelleEvaluator GazelleEvaluator;

// The garbler of a session: its offset Δ, its hash and the numbers of its gates. Labels are 16 bytes.
//
// One thread at a time may use it, another one later. `gazelle_garble_…` calls on it and
// `gazelle_evaluate_…` calls on the evaluator are to come in the same order, with the same sizes.
typedef struct GazelleGarbler GazelleGarbler;

// The negacyclic transform of one size n modulo one prime q: of polynomials modulo X^n + 1. It never
// changes: any number of threads may use it at once.
//
// All residues are in [0, q), in and out. Nobody looks: for others the results are wrong.
typedef struct GazelleNtt GazelleNtt;

// The receiver of oblivious transfers: the party with choices. One thread at a time may use it, another
// one later. Large requests run on all cores.
typedef struct GazelleOtReceiver GazelleOtReceiver;

// The sender of oblivious transfers: the party with Δ. One thread at a time may use it, another one later.
// Large requests run on all cores.
typedef struct GazelleOtSender GazelleOtSender;

// A decoded picture. It never changes: any number of threads may use it at once.
typedef struct GazellePicture GazellePicture;

// A function of sums that are shared between evaluator and garbler in Z_2^k, k being `ring_bits`: at most
// 32. Sums are signed numbers of k bits. With several sums or results of an instance, number p of instance
// i stands at p·instances + i.
//
// Programs never change: any number of threads may use one at once. Their makers' handles are to be
// freed with `gazelle_program_free`.
typedef struct GazelleProgram GazelleProgram;

// What a client asks of a server. `gazelle_client_defaults` fills it; texts end in 0 and may be null.
typedef struct {
  // The folder of this client's credentials, as `gazelle keygen` makes it, for TLS; null for none.
  const char *tls;
  // Not 0: without TLS, servers on other machines may be asked too, because something else protects the
  // connection.
  uint32_t plaintext_anywhere;
  // Which of the server's models to ask; null for the only one.
  const char *model;
  // The hash of the card that the model must have, 64 digits as `gazelle inspect` prints it; null for any.
  const char *card;
  // The most bytes of memory for the inferences of one `gazelle_client_prepare`.
  uint64_t max_memory;
  // The most bytes to receive for one inference.
  uint64_t max_download;
  // Not 0: a server whose transfers assume that learning parity with noise is hard is refused.
  uint32_t no_lpn;
  // The longest silence of the server within a phase, in milliseconds.
  uint32_t timeout_ms;
  // The time for connecting and setting the session up, in milliseconds.
  uint32_t setup_timeout_ms;
} GazelleClientOptions;

// Reads at least 1 and at most `len` bytes of what the server sends to `buffer` and returns how many they
// are; 0 if the server has ended the connection, −1 if reading failed or took too long.
typedef ptrdiff_t (*GazelleRead)(void *context, uint8_t *buffer, size_t len);

// Sends at least 1 and at most `len` bytes of `buffer` to the server and returns how many they are; −1 if
// sending failed or took too long.
typedef ptrdiff_t (*GazelleWrite)(void *context, const uint8_t *buffer, size_t len);

// What a client knows of the server's model.
typedef struct {
  // Channels of an image.
  size_t channels;
  // Its rows.
  size_t height;
  // Its columns.
  size_t width;
  // Classes.
  size_t classes;
  // Numbers of an outcome.
  size_t numbers;
  // What they are.
  GazelleHead head;
} GazelleModel;

// What a phase cost, seen from the client.
typedef struct {
  // Seconds.
  double seconds;
  // Bytes from client to server.
  uint64_t bytes_up;
  // Bytes from server to client.
  uint64_t bytes_down;
  // Round trips.
  uint64_t rounds;
} GazellePhase;

// What a session has cost so far.
typedef struct {
  // Greeting, keys and base transfers, once.
  GazellePhase setup;
  // All inferences that were prepared.
  GazellePhase offline;
  // All classifications.
  GazellePhase online;
} GazelleStatistics;

// The lengths of a set-up's messages, in bytes.
typedef struct {
  // The receiver's first message.
  size_t offer;
  // The sender's answer.
  size_t reply;
  // The receiver's answer to that.
  size_t corrections;
} GazelleOtLengths;

// What some instances of a program take.
typedef struct {
  // Shares of sums, of each party.
  size_t sums;
  // Labels of each party: k for each sum.
  size_t labels;
  // Bytes of the tables.
  size_t table_bytes;
  // Results.
  size_t results;
  // The garbler's shares of the results: as many as results, or none where the evaluator is shown them.
  size_t shares;
} GazelleProgramSizes;

// What some instances of a circuit take.
typedef struct {
  // Labels, one for each input bit.
  size_t labels;
  // Bytes of the tables.
  size_t table_bytes;
  // Output bits.
  size_t outputs;
} GazelleCircuitSizes;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Connects to the server at `server`, as in "host:7464", and sets a session up. The handle is to be freed
// with `gazelle_client_free`.
//
// # Safety
// `server` and the texts of `options` end in 0, `client` has room for a pointer.
GazelleStatus gazelle_client_connect(const char *server,
                                     const GazelleClientOptions *options,
                                     GazelleClient **client);

// Connects as `gazelle classify` does with these arguments, such as "--server", "localhost:7464", "--tls",
// "keys/alice": all that it has for whom to ask and how, WebSockets and folders of stored inferences and of
// hints included. Where a session ends and another try may help, the next call begins another. The handle is to be
// freed with `gazelle_client_free`.
//
// # Safety
// There are `count` texts at `arguments`, all end in 0, and `client` has room for a pointer.
GazelleStatus gazelle_client_connect_as(const char *const *arguments,
                                        size_t count,
                                        GazelleClient **client);

// Sets a session up over a connection that the caller carries, whose bytes `read` and `write` pass; `options`
// names no TLS, and its times do not count: the functions fail when they have waited for too long. Both get
// `context`. `write` is called on a thread of the library's, while `read` may be in a call on another.
//
// `gazelle_client_free` waits for calls of `write` to return; after it, or if this fails, neither function is
// called again.
//
// # Safety
// Until the client is freed, both functions may be called with `context` as above; they neither throw nor
// jump out. The texts of `options` end in 0, `client` has room for a pointer.
GazelleStatus gazelle_client_connect_over(GazelleRead read,
                                          GazelleWrite write,
                                          void *context,
                                          const GazelleClientOptions *options,
                                          GazelleClient **client);

// Says farewell to the server, wipes and frees the session; null is none.
//
// # Safety
// `client` is null or a handle that was not freed, and no thread uses it any more.
void gazelle_client_free(GazelleClient *client);

// What the server's model reads and tells.
//
// # Safety
// `client` is a handle, `model` has room for it.
GazelleStatus gazelle_client_model(const GazelleClient *client, GazelleModel *model);

// The name of the class of a number, without what commands a terminal; null if there is no such class. It ends in 0 and is
// valid until the client is freed.
//
// # Safety
// `client` is null or a handle.
const char *gazelle_client_class(const GazelleClient *client,
                                 size_t number);

// The hash of the model's card, 64 digits, for `options.card` of later sessions; null for null. It ends in 0
// and is valid until the client is freed.
//
// # Safety
// `client` is null or a handle.
const char *gazelle_client_card(const GazelleClient *client);

// Prepares `count` inferences before their images are known: the offline phase. Each is good for one
// `gazelle_client_classify`.
//
// # Safety
// `client` is a handle.
GazelleStatus gazelle_client_prepare(const GazelleClient *client,
                                     size_t count);

// Classifies an image of `len` = channels·height·width pixels, channel by channel and row by row: with an
// inference that was prepared, or one that is prepared now. Writes as many numbers as the model says. The
// server learns neither the image nor them.
//
// # Safety
// `client` is a handle, `pixels` has `len` bytes, `numbers` room for `numbers_len`; no other thread uses them
// meanwhile.
GazelleStatus gazelle_client_classify(const GazelleClient *client,
                                      const uint8_t *pixels,
                                      size_t len,
                                      int32_t *numbers,
                                      size_t numbers_len);

// What the session has cost so far.
//
// # Safety
// `client` is a handle, `statistics` has room for them.
GazelleStatus gazelle_client_statistics(const GazelleClient *client, GazelleStatistics *statistics);

// Begins a session as the evaluator, with the garbler's kind of hash and its key of 16 bytes. The handle is
// to be freed with `gazelle_evaluator_free`.
//
// # Safety
// `key` has 16 bytes, `evaluator` room for a pointer.
GazelleStatus gazelle_evaluator_new(uint32_t kind,
                                    const uint8_t *key,
                                    GazelleEvaluator **evaluator);

// Frees an evaluator; null is none.
//
// # Safety
// `evaluator` is null or a handle that was not freed, and no thread uses it any more.
void gazelle_evaluator_free(GazelleEvaluator *evaluator);

// Evaluates `count` AND gates from the labels of their inputs and 32·`count` bytes of tables: writes the
// labels of the results.
//
// # Safety
// `evaluator` is a handle; `a` and `b` have 16·`count` bytes, `tables` 32·`count`, and `out` room for
// 16·`count`; no other thread uses them meanwhile.
GazelleStatus gazelle_evaluate_ands(const GazelleEvaluator *evaluator,
                                    size_t count,
                                    const uint8_t *a,
                                    const uint8_t *b,
                                    const uint8_t *tables,
                                    uint8_t *out);

// Evaluates `instances` of a program from the labels of both parties' bits and the garbler's tables.
// Writes the results: shares, or what the evaluator is shown.
//
// # Safety
// `evaluator` and `program` are handles, `own` and `garblers` have 16·`labels` bytes, `tables` has
// `table_bytes` bytes, `results` has room for `results_len` numbers; no other thread uses them meanwhile.
GazelleStatus gazelle_evaluate_program(const GazelleEvaluator *evaluator,
                                       const GazelleProgram *program,
                                       size_t instances,
                                       const uint8_t *own,
                                       const uint8_t *garblers,
                                       size_t labels,
                                       const uint8_t *tables,
                                       size_t table_bytes,
                                       uint32_t *results,
                                       size_t results_len);

// Evaluates `instances` of a circuit from the labels of all input bits: writes the output bits, one a
// byte, 0 or 1.
//
// # Safety
// `evaluator` and `circuit` are handles, `active` has 16·`labels` bytes, `tables` `table_bytes`, `outputs`
// has room for `outputs_len` bytes; no other thread uses them meanwhile.
GazelleStatus gazelle_evaluate_circuit(const GazelleEvaluator *evaluator,
                                       const GazelleCircuit *circuit,
                                       size_t instances,
                                       const uint8_t *active,
                                       size_t labels,
                                       const uint8_t *tables,
                                       size_t table_bytes,
                                       uint8_t *outputs,
                                       size_t outputs_len);

// Begins a session as the garbler: draws Δ and the hash's key from the system. `kind` is a
// `GazelleHashKind`. The handle is to be freed with `gazelle_garbler_free`.
//
// # Safety
// `garbler` has room for a pointer.
GazelleStatus gazelle_garbler_new(uint32_t kind, GazelleGarbler **garbler);

// Wipes and frees a garbler; null is none.
//
// # Safety
// `garbler` is null or a handle that was not freed, and no thread uses it any more.
void gazelle_garbler_free(GazelleGarbler *garbler);

// The key of the session's hash, 16 bytes, for the evaluator. It is public.
//
// # Safety
// `garbler` is a handle, `key` has room for 16 bytes.
GazelleStatus gazelle_garbler_key(const GazelleGarbler *garbler, uint8_t *key);

// Δ, 16 bytes: the garbler's secret, for the sender of oblivious transfers whose outputs are labels.
//
// # Safety
// `garbler` is a handle, `delta` has room for 16 bytes.
GazelleStatus gazelle_garbler_delta(const GazelleGarbler *garbler,
                                    uint8_t *delta);

// Draws `count` zero labels for input bits: they tell what every label means, and are the garbler's
// secret.
//
// # Safety
// `garbler` is a handle, `zeros` has room for 16·`count` bytes, which no other thread uses meanwhile.
GazelleStatus gazelle_garbler_draw(const GazelleGarbler *garbler,
                                   uint8_t *zeros,
                                   size_t count);

// The labels of `count` bits, one a byte, 0 or 1: what the evaluator gets of the garbler's inputs. Its time
// does not depend on the bits.
//
// # Safety
// `garbler` is a handle, `zeros` has 16·`count` bytes, `bits` `count`, `active` room for 16·`count`; no
// other thread uses them meanwhile.
GazelleStatus gazelle_garbler_activate(const GazelleGarbler *garbler,
                                       const uint8_t *zeros,
                                       const uint8_t *bits,
                                       size_t count,
                                       uint8_t *active);

// Garbles `count` AND gates from the zero labels of their inputs: writes 32·`count` bytes of tables for
// the evaluator, and the zero labels of the results. XOR of labels is XOR of bits, and needs no table; to
// negate a bit, the garbler adds Δ to its zero label. Whatever labels there are, every gate has a hash key
// of its own, unless the kind is FIXED_KEY.
//
// # Safety
// `garbler` is a handle; `a` and `b` have 16·`count` bytes, `out` has room for as many and `tables` for
// 32·`count`; no other thread uses them meanwhile.
GazelleStatus gazelle_garble_ands(const GazelleGarbler *garbler,
                                  size_t count,
                                  const uint8_t *a,
                                  const uint8_t *b,
                                  uint8_t *tables,
                                  uint8_t *out);

// Garbles `instances` of a program from the zero labels of both parties' bits, in the order of
// `gazelle_program_bits`; `gazelle_program_sizes` has all lengths. Writes the tables for the evaluator, and the
// garbler's share S of each result: the evaluator's is the result plus S.
//
// # Safety
// `garbler` and `program` are handles, `evaluators` and `own` have 16·`labels` bytes, `tables` has room for
// `table_bytes` bytes and `shares` for `shares_len` numbers; no other thread uses them meanwhile.
GazelleStatus gazelle_garble_program(const GazelleGarbler *garbler,
                                     const GazelleProgram *program,
                                     size_t instances,
                                     const uint8_t *evaluators,
                                     const uint8_t *own,
                                     size_t labels,
                                     uint8_t *tables,
                                     size_t table_bytes,
                                     uint32_t *shares,
                                     size_t shares_len);

// Garbles `instances` of a circuit from the zero labels of all input bits, whosever they are; the outputs
// are shown to the evaluator. `gazelle_circuit_sizes` has the lengths.
//
// # Safety
// `garbler` and `circuit` are handles, `zeros` has 16·`labels` bytes, `tables` room for `table_bytes`; no
// other thread uses them meanwhile.
GazelleStatus gazelle_garble_circuit(const GazelleGarbler *garbler,
                                     const GazelleCircuit *circuit,
                                     size_t instances,
                                     const uint8_t *zeros,
                                     size_t labels,
                                     uint8_t *tables,
                                     size_t table_bytes);

// Finds the largest primes below 2^`bits` that have a transform of size `n`, largest first: writes at
// most `count` of them to `primes`, and to `found` how many. More than 62 bits count as 62.
//
// `n` is a power of two from 8 to 131072.
//
// # Safety
// `primes` has room for `count` numbers and `found` for one.
GazelleStatus gazelle_ntt_primes(size_t n,
                                 uint32_t bits,
                                 uint64_t *primes,
                                 size_t count,
                                 size_t *found);

// Makes the transform of size `n` modulo `q` on the fastest instructions of this CPU. `n` is a power of
// two from 8 to 131072, `q` a prime below 2^62 that is 1 modulo 2n. The handle is to be freed with
// `gazelle_ntt_free`.
//
// # Safety
// `ntt` has room for a pointer.
GazelleStatus gazelle_ntt_new(size_t n,
                              uint64_t q,
                              GazelleNtt **ntt);

// Frees a transform; null is none.
//
// # Safety
// `ntt` is null or a handle that was not freed, and no thread uses it any more.
void gazelle_ntt_free(GazelleNtt *ntt);

// The name of the instructions that were chosen, as "avx512", "avx2" or "scalar", in a text that ends in 0
// and is never freed; null for null.
//
// # Safety
// `ntt` is null or a handle.
const char *gazelle_ntt_backend(const GazelleNtt *ntt);

// Transforms each polynomial of `a` in place, from coefficients to values. `len` is a multiple of n.
//
// # Safety
// `ntt` is a handle, `a` has `len` residues, which no other thread uses meanwhile.
GazelleStatus gazelle_ntt_forward(const GazelleNtt *ntt,
                                  uint64_t *a,
                                  size_t len);

// Transforms each polynomial of `a` back in place, the factor 1/n included. `len` is a multiple of n.
//
// # Safety
// `ntt` is a handle, `a` has `len` residues, which no other thread uses meanwhile.
GazelleStatus gazelle_ntt_inverse(const GazelleNtt *ntt,
                                  uint64_t *a,
                                  size_t len);

// `out[i] = a[i]·b[i]` modulo q, for `len` residues. `out` overlaps neither factor.
//
// # Safety
// `ntt` is a handle; `a`, `b` and `out` have `len` residues, and no other thread writes them or uses
// `out` meanwhile.
GazelleStatus gazelle_ntt_mul(const GazelleNtt *ntt,
                              uint64_t *out,
                              const uint64_t *a,
                              const uint64_t *b,
                              size_t len);

// `sum[i] += a[i]·b[i]` modulo q, for `len` residues. `sum` overlaps neither factor. Sums of several
// products take less time with `gazelle_ntt_inner_product`.
//
// # Safety
// As `gazelle_ntt_mul`, for `sum` in the place of `out`.
GazelleStatus gazelle_ntt_mul_add(const GazelleNtt *ntt,
                                  uint64_t *sum,
                                  const uint64_t *a,
                                  const uint64_t *b,
                                  size_t len);

// `out[i] = Σ a[j][i]·b[j][i]` modulo q over j < `count`, for `len` residues, with one reduction for
// many terms. `out` overlaps no factor.
//
// # Safety
// `ntt` is a handle; `a` and `b` have `count` pointers to `len` residues each, `out` has `len` residues,
// and no other thread writes them or uses `out` meanwhile.
GazelleStatus gazelle_ntt_inner_product(const GazelleNtt *ntt,
                                        uint64_t *out,
                                        const uint64_t *const *a,
                                        const uint64_t *const *b,
                                        size_t count,
                                        size_t len);

// Fills options: no TLS and this machine's servers alone, the only model, any card; 4 GiB of memory and
// 8 GiB to receive; 60 seconds of silence and 20 for the set-up.
//
// # Safety
// `options` has room for them.
GazelleStatus gazelle_client_defaults(GazelleClientOptions *options);

// The lengths of a set-up's messages. `field_bits` is 1, 2, 4 or 8: more send fewer bytes for each transfer
// (16/`field_bits`) and take more work.
//
// # Safety
// `lengths` has room for them.
GazelleStatus gazelle_ot_lengths(uint32_t field_bits,
                                 GazelleOtLengths *lengths);

// The length of the message that makes `count` transfers.
//
// # Safety
// `length` has room for a number.
GazelleStatus gazelle_ot_message_length(uint32_t field_bits, size_t count, size_t *length);

// Begins as the receiver: writes the offer for `gazelle_ot_sender_new`. The handle is to be freed with
// `gazelle_ot_receiver_free`.
//
// # Safety
// `offer` has room for `offer_len` bytes, `receiver` for a pointer.
GazelleStatus gazelle_ot_receiver_new(uint32_t field_bits,
                                      uint8_t *offer,
                                      size_t offer_len,
                                      GazelleOtReceiver **receiver);

// Wipes and frees a receiver; null is none.
//
// # Safety
// `receiver` is null or a handle that was not freed, and no thread uses it any more.
void gazelle_ot_receiver_free(GazelleOtReceiver *receiver);

// Takes the sender's reply and writes the corrections for `gazelle_ot_sender_finish`. `session` is a name of
// 32 bytes that both parties know and use once. A reply that no honest sender makes ends the session.
//
// # Safety
// `receiver` is a handle, `session` has 32 bytes, `reply` `reply_len`, and `corrections` room for
// `corrections_len`; no other thread uses them meanwhile.
GazelleStatus gazelle_ot_receiver_finish(const GazelleOtReceiver *receiver,
                                         const uint8_t *session,
                                         const uint8_t *reply,
                                         size_t reply_len,
                                         uint8_t *corrections,
                                         size_t corrections_len);

// Makes `count` transfers: writes a label for each choice, one a byte, 0 or 1, and the message for
// `gazelle_ot_sender_extend`. The label of a choice c is the sender's zero label plus c·Δ.
//
// # Safety
// `receiver` is a handle, `choices` has `count` bytes, `labels` room for 16·`count` and `message` for
// `message_len`; no other thread uses them meanwhile.
GazelleStatus gazelle_ot_receiver_extend(const GazelleOtReceiver *receiver,
                                         const uint8_t *choices,
                                         size_t count,
                                         uint8_t *labels,
                                         uint8_t *message,
                                         size_t message_len);

// Begins as the sender of transfers with the offset `delta`, 16 bytes, such as `gazelle_garbler_delta`'s:
// takes the receiver's offer and writes the reply for `gazelle_ot_receiver_finish`. `session` is a name of 32
// bytes that both parties know and use once. The handle is to be freed with `gazelle_ot_sender_free`.
//
// # Safety
// `session` has 32 bytes, `delta` 16, `offer` `offer_len`; `reply` has room for `reply_len` and `sender`
// for a pointer; no other thread uses them meanwhile.
GazelleStatus gazelle_ot_sender_new(uint32_t field_bits,
                                    const uint8_t *session,
                                    const uint8_t *delta,
                                    const uint8_t *offer,
                                    size_t offer_len,
                                    uint8_t *reply,
                                    size_t reply_len,
                                    GazelleOtSender **sender);

// Wipes and frees a sender; null is none.
//
// # Safety
// `sender` is null or a handle that was not freed, and no thread uses it any more.
void gazelle_ot_sender_free(GazelleOtSender *sender);

// Takes the receiver's corrections and ends the set-up. Corrections that no honest receiver makes end the
// session.
//
// # Safety
// `sender` is a handle, `corrections` has `corrections_len` bytes, which no other thread writes meanwhile.
GazelleStatus gazelle_ot_sender_finish(const GazelleOtSender *sender,
                                       const uint8_t *corrections,
                                       size_t corrections_len);

// Makes `count` transfers from the receiver's message: writes their zero labels. A message that no honest
// receiver makes ends the session: Δ is wiped, and no label is written.
//
// # Safety
// `sender` is a handle, `message` has `message_len` bytes, `zeros` room for 16·`count`; no other thread
// uses them meanwhile.
GazelleStatus gazelle_ot_sender_extend(const GazelleOtSender *sender,
                                       const uint8_t *message,
                                       size_t message_len,
                                       uint8_t *zeros,
                                       size_t count);

// Decodes a PNG or JPEG file of `len` bytes. Decode pictures before there is a session: the time that it
// takes says something about them. The handle is to be freed with `gazelle_picture_free`.
//
// # Safety
// `file` has `len` bytes, `picture` room for a pointer.
GazelleStatus gazelle_picture_decode(const uint8_t *file,
                                     size_t len,
                                     GazellePicture **picture);

// Frees a picture; null is none.
//
// # Safety
// `picture` is null or a handle that was not freed, and no thread uses it any more.
void gazelle_picture_free(GazellePicture *picture);

// The pixels of a picture as the server's model reads them: the same as the command line's, bit for bit.
// `len` is channels·height·width.
//
// # Safety
// `picture` and `client` are handles, `pixels` has room for `len` bytes, which no other thread uses
// meanwhile.
GazelleStatus gazelle_picture_pixels(const GazellePicture *picture,
                                     const GazelleClient *client,
                                     uint8_t *pixels,
                                     size_t len);

// `min(max(y, 0) >> shift, 255)` of the largest of `window` sums y, as shares in Z_2^out_ring_bits: a ReLU
// behind max pooling. `shift` is at most k − 2, `window` 1 without pooling.
//
// # Safety
// `program` has room for a pointer.
GazelleStatus gazelle_program_relu(uint32_t ring_bits,
                                   uint32_t shift,
                                   size_t window,
                                   uint32_t out_ring_bits,
                                   GazelleProgram **program);

// `min(max(y >> shift, least), most)` of the largest of `window` sums y, as shares in Z_2^out_ring_bits.
// `shift` is at most k − 2, `least` at most 0, `most` at least 0 and more than `least`. One party adds
// `gazelle_program_input_offset` to its shares.
//
// # Safety
// `program` has room for a pointer.
GazelleStatus gazelle_program_clamp(uint32_t ring_bits,
                                    uint32_t shift,
                                    size_t window,
                                    int32_t least,
                                    int32_t most,
                                    uint32_t out_ring_bits,
                                    GazelleProgram **program);

// `y >> shift`, rounded down, as shares in Z_2^out_ring_bits. `shift` is at most k − 1.
//
// # Safety
// `program` has room for a pointer.
GazelleStatus gazelle_program_truncate(uint32_t ring_bits,
                                       uint32_t shift,
                                       uint32_t out_ring_bits,
                                       GazelleProgram **program);

// 1 where y < 0, else 0, as shares in Z_2^out_ring_bits.
//
// # Safety
// `program` has room for a pointer.
GazelleStatus gazelle_program_sign(uint32_t ring_bits,
                                   uint32_t out_ring_bits,
                                   GazelleProgram **program);

// The indices of the largest `places` of `classes` sums, the largest sum's first and of equal sums the
// lowest index first, shown to the evaluator. One place is the argmax.
//
// # Safety
// `program` has room for a pointer.
GazelleStatus gazelle_program_top(uint32_t ring_bits,
                                  size_t classes,
                                  size_t places,
                                  GazelleProgram **program);

// 1 where y ≥ 0, else 0, shown to the evaluator.
//
// # Safety
// `program` has room for a pointer.
GazelleStatus gazelle_program_non_negative(uint32_t ring_bits, GazelleProgram **program);

// The sums themselves as numbers of k bits, shown to the evaluator.
//
// # Safety
// `program` has room for a pointer.
GazelleStatus gazelle_program_reveal(uint32_t ring_bits, GazelleProgram **program);

// Frees a program; null is none.
//
// # Safety
// `program` is null or a handle that was not freed, and no thread uses it any more.
void gazelle_program_free(GazelleProgram *program);

// What `instances` of a program take.
//
// # Safety
// `program` is a handle, `sizes` has room for one.
GazelleStatus gazelle_program_sizes(const GazelleProgram *program,
                                    size_t instances,
                                    GazelleProgramSizes *sizes);

// What one party adds to each of its shares, modulo 2^k, before it takes their bits: not 0 for
// `gazelle_program_clamp` alone. `gazelle_program_clear` adds it itself.
//
// # Safety
// `program` is a handle, `offset` has room for a number.
GazelleStatus gazelle_program_input_offset(const GazelleProgram *program, uint32_t *offset);

// The bits of a party's shares in the order of its labels, one a byte: bit t of share j at t·sums + j.
// `bits_len` is k·`sums`.
//
// # Safety
// `program` is a handle, `shares` has `sums` numbers, `bits` room for `bits_len` bytes; no other thread
// uses them meanwhile.
GazelleStatus gazelle_program_bits(const GazelleProgram *program,
                                   const uint32_t *shares,
                                   size_t sums,
                                   uint8_t *bits,
                                   size_t bits_len);

// Computes a program in the clear, from both parties' `sums` shares: modulo 2^out_ring_bits where it gives
// shares.
//
// # Safety
// `program` is a handle, `a` and `b` have `sums` numbers, `results` has room for `results_len`; no other
// thread writes them or uses `results` meanwhile.
GazelleStatus gazelle_program_clear(const GazelleProgram *program,
                                    size_t instances,
                                    const uint32_t *a,
                                    const uint32_t *b,
                                    size_t sums,
                                    uint32_t *results,
                                    size_t results_len);

// Reads a circuit in Bristol fashion, a text that ends in 0. The handle is to be freed with
// `gazelle_circuit_free`.
//
// # Safety
// `bristol` ends in 0, `circuit` has room for a pointer.
GazelleStatus gazelle_circuit_parse(const char *bristol, GazelleCircuit **circuit);

// Frees a circuit; null is none.
//
// # Safety
// `circuit` is null or a handle that was not freed, and no thread uses it any more.
void gazelle_circuit_free(GazelleCircuit *circuit);

// What `instances` of a circuit take.
//
// # Safety
// `circuit` is a handle, `sizes` has room for one.
GazelleStatus gazelle_circuit_sizes(const GazelleCircuit *circuit,
                                    size_t instances,
                                    GazelleCircuitSizes *sizes);

// Says why the last call of this thread that failed did, in a line that ends in 0; an empty one if none
// has. It is the library's, and valid until the next call of this thread that fails.
const char *gazelle_last_error(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* GAZELLE_H */
