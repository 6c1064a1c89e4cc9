// Asks a server for the class of a picture: classify SERVER PICTURE [CREDENTIALS], or
// classify as PICTURE ARGUMENT...
//
// SERVER is as in localhost:7464; CREDENTIALS is a folder as `gazelle keygen` makes it, for TLS. ARGUMENTS are those
// of `gazelle classify`, such as --server and --store. Prints the outcome's numbers, the class, and a line for
// each phase: bytes up, bytes down, round trips.
#include "gazelle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, gazelle_last_error());
    return 1;
}

// The bytes of a file; null if it cannot be read.
static uint8_t *read_file(const char *path, size_t *len) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    const size_t most = 1 << 26;
    uint8_t *bytes = malloc(most);
    *len = bytes == NULL ? 0 : fread(bytes, 1, most, file);
    fclose(file);
    return bytes;
}

static void print(const char *name, const GazellePhase *phase) {
    printf("%s %llu %llu %llu\n", name, (unsigned long long)phase->bytes_up,
           (unsigned long long)phase->bytes_down, (unsigned long long)phase->rounds);
}

static int classify(const GazelleClient *client, const GazellePicture *picture) {
    GazelleModel model;
    if (gazelle_client_model(client, &model)) {
        return fail("model");
    }
    size_t pixels_len = model.channels * model.height * model.width;
    uint8_t *pixels = malloc(pixels_len);
    int32_t *numbers = malloc(model.numbers * sizeof *numbers);
    GazelleStatistics statistics;
    int failed = 1;
    if (pixels == NULL || numbers == NULL) {
        fprintf(stderr, "no memory\n");
    } else if (gazelle_picture_pixels(picture, client, pixels, pixels_len)) {
        fail("picture");
    } else if (gazelle_client_classify(client, pixels, pixels_len, numbers, model.numbers)) {
        fail("classify");
    } else if (gazelle_client_statistics(client, &statistics)) {
        fail("statistics");
    } else {
        printf("outcome");
        for (size_t i = 0; i < model.numbers; i++) {
            printf(" %d", numbers[i]);
        }
        bool is_class = model.head != GAZELLE_HEAD_THRESHOLDS && model.head != GAZELLE_HEAD_VALUES;
        printf("\nclass %s\n", is_class ? gazelle_client_class(client, (size_t)numbers[0]) : "-");
        print("setup", &statistics.setup);
        print("offline", &statistics.offline);
        print("online", &statistics.online);
        failed = 0;
    }
    free(pixels);
    free(numbers);
    return failed;
}

// The client that the arguments ask for.
static GazelleStatus ask(int argc, char **argv, GazelleClient **client) {
    if (strcmp(argv[1], "as") == 0) {
        return gazelle_client_connect_as((const char *const *)argv + 3, (size_t)argc - 3, client);
    }
    GazelleClientOptions options;
    gazelle_client_defaults(&options);
    options.tls = argc == 4 ? argv[3] : NULL;
    return gazelle_client_connect(argv[1], &options, client);
}

int main(int argc, char **argv) {
    if (argc < 3 || (argc > 4 && strcmp(argv[1], "as") != 0)) {
        fprintf(stderr, "usage: %s SERVER PICTURE [CREDENTIALS]\n       %s as PICTURE ARGUMENT...\n",
                argv[0], argv[0]);
        return 2;
    }
    // Decoded before there is a session: the time that it takes says something about the picture.
    size_t len;
    uint8_t *file = read_file(argv[2], &len);
    if (file == NULL) {
        perror(argv[2]);
        return 1;
    }
    GazellePicture *picture;
    GazelleStatus decoded = gazelle_picture_decode(file, len, &picture);
    free(file);
    if (decoded) {
        return fail(argv[2]);
    }
    GazelleClient *client;
    int failed = ask(argc, argv, &client) ? fail(argv[1]) : classify(client, picture);
    gazelle_client_free(client);
    gazelle_picture_free(picture);
    return failed;
}
