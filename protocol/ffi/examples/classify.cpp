// Asks a server for the class of a picture over a connection of the program's own: classify HOST PORT PICTURE
//
// An inference is prepared before the picture is read. Prints what classify.c prints.
#include "gazelle.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

void check(GazelleStatus status) {
    if (status != GAZELLE_STATUS_OK) throw std::runtime_error(gazelle_last_error());
}

template <typename Handle, void (*release)(Handle *)>
struct Release {
    void operator()(Handle *handle) const { release(handle); }
};

using Client = std::unique_ptr<GazelleClient, Release<GazelleClient, gazelle_client_free>>;
using Picture = std::unique_ptr<GazellePicture, Release<GazellePicture, gazelle_picture_free>>;

// A TCP connection that gives up after a minute of silence.
class Connection {
  public:
    Connection(const char *host, const char *port) {
        addrinfo hints{}, *found = nullptr;
        hints.ai_socktype = SOCK_STREAM;
        if (getaddrinfo(host, port, &hints, &found) != 0) throw std::runtime_error("no such host");
        for (addrinfo *at = found; at != nullptr && socket_ < 0; at = at->ai_next) {
            socket_ = ::socket(at->ai_family, at->ai_socktype, at->ai_protocol);
            if (socket_ >= 0 && connect(socket_, at->ai_addr, at->ai_addrlen) != 0) {
                close(socket_);
                socket_ = -1;
            }
        }
        freeaddrinfo(found);
        if (socket_ < 0) throw std::runtime_error("nobody answers");
        const timeval minute{60, 0};
        setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &minute, sizeof minute);
        setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &minute, sizeof minute);
    }
    Connection(const Connection &) = delete;
    ~Connection() { close(socket_); }

    static ptrdiff_t read(void *context, uint8_t *buffer, size_t len) {
        return recv(static_cast<Connection *>(context)->socket_, buffer, len, 0);
    }
    static ptrdiff_t write(void *context, const uint8_t *buffer, size_t len) {
        return send(static_cast<Connection *>(context)->socket_, buffer, len, MSG_NOSIGNAL);
    }

  private:
    int socket_ = -1;
};

Picture decode(const char *path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error(std::string("cannot read ") + path);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    GazellePicture *picture;
    check(gazelle_picture_decode(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size(),
                                 &picture));
    return Picture(picture);
}

void print(const char *name, const GazellePhase &phase) {
    std::cout << name << ' ' << phase.bytes_up << ' ' << phase.bytes_down << ' ' << phase.rounds
              << '\n';
}

void run(const char *host, const char *port, const char *path) {
    Connection connection(host, port); // lives longer than the client
    GazelleClientOptions options;
    GazelleClient *handle;
    check(gazelle_client_defaults(&options));
    check(gazelle_client_connect_over(Connection::read, Connection::write, &connection, &options,
                                      &handle));
    const Client client(handle);
    check(gazelle_client_prepare(client.get(), 1));

    GazelleModel model;
    check(gazelle_client_model(client.get(), &model));
    std::vector<uint8_t> pixels(model.channels * model.height * model.width);
    std::vector<int32_t> numbers(model.numbers);
    const Picture picture = decode(path);
    check(gazelle_picture_pixels(picture.get(), client.get(), pixels.data(), pixels.size()));
    check(gazelle_client_classify(client.get(), pixels.data(), pixels.size(), numbers.data(),
                                  numbers.size()));

    std::cout << "outcome";
    for (int32_t number : numbers) std::cout << ' ' << number;
    const bool is_class =
        model.head != GAZELLE_HEAD_THRESHOLDS && model.head != GAZELLE_HEAD_VALUES;
    std::cout << "\nclass " << (is_class ? gazelle_client_class(client.get(), numbers[0]) : "-")
              << '\n';
    GazelleStatistics statistics;
    check(gazelle_client_statistics(client.get(), &statistics));
    print("setup", statistics.setup);
    print("offline", statistics.offline);
    print("online", statistics.online);
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 4) {
        std::cerr << "usage: " << argv[0] << " HOST PORT PICTURE\n";
        return 2;
    }
    try {
        run(argv[1], argv[2], argv[3]);
        return 0;
    } catch (const std::exception &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
