/* The measured child. The first thing it does is to read the clock and to say that it was born.
 *
 * child FIFO NAME                      then waits to be killed
 * child FIFO NAME eat BYTES [deaf]     on SIGUSR1 grows over BYTES and says when; `deaf` ignores SIGTERM
 * child FIFO NAME http PORT            answers every request with 200
 * child FIFO NAME watchdog             sends WATCHDOG=1 to NOTIFY_SOCKET, three times in each WATCHDOG_USEC
 * child FIFO NAME chatter              writes to its output every 2 ms
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const char *fifo, *name;
static volatile sig_atomic_t hungry;

static long long now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void say(const char *what, long long at) {
    char line[256];
    int length = snprintf(line, sizeof line, "%s %s %d %lld\n", what, name, (int)getpid(), at);
    int fd = open(fifo, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, line, length) != length) _exit(9);
    close(fd);
}

static long resident_bytes(void) {
    long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (!statm || fscanf(statm, "%*d %ld", &pages) != 1) _exit(9);
    fclose(statm);
    return pages * sysconf(_SC_PAGESIZE);
}

static void on_usr1(int number) { hungry = number; }

static void eat(long limit) {
    const long bite = 1 << 20;
    long eaten = 0, passed = 0;
    while (eaten < limit + (32 << 20)) {
        char *food = mmap(NULL, bite, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (food == MAP_FAILED) _exit(9);
        memset(food, 1, bite);
        eaten += bite;
        if (!passed && resident_bytes() > limit) {
            passed = 1;
            say("breach", now_ns());
        }
    }
}

static void wait_hungry(long limit) {
    struct sigaction action = {.sa_handler = on_usr1};
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    sigaction(SIGUSR1, &action, NULL);
    say("listening", now_ns());
    while (!hungry) sigsuspend(&before);
    eat(limit);
}

static void serve(int port) {
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port)};
    char request[4096];
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&here, sizeof here) || listen(fd, 64)) _exit(9);
    say("listening", now_ns());
    for (;;) {
        int client = accept(fd, NULL, NULL);
        if (client < 0) continue;
        if (read(client, request, sizeof request) > 0 && write(client, answer, sizeof answer - 1) < 0) _exit(9);
        close(client);
    }
}

static void ping(void) {
    const char *address = getenv("NOTIFY_SOCKET"), *period = getenv("WATCHDOG_USEC");
    struct sockaddr_un there = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (!address || !period || strlen(address) >= sizeof there.sun_path) _exit(9);
    strcpy(there.sun_path, address);
    socklen_t length = offsetof(struct sockaddr_un, sun_path) + strlen(address);
    if (address[0] == '@') there.sun_path[0] = 0;
    say("listening", now_ns());
    for (;;) {
        sendto(fd, "WATCHDOG=1", 10, 0, (struct sockaddr *)&there, length);
        usleep(atol(period) / 3);
    }
}

static void chatter(void) {
    for (;;) {
        if (write(STDOUT_FILENO, ".", 1) != 1) _exit(9);
        usleep(2000);
    }
}

int main(int argc, char **argv) {
    long long born = now_ns();
    if (argc < 3) return 2;
    fifo = argv[1];
    name = argv[2];
    const char *mode = argc > 3 ? argv[3] : "";
    signal(SIGPIPE, SIG_IGN);
    if (strcmp(mode, "chatter") == 0) chatter();
    if (argc > 5) signal(SIGTERM, SIG_IGN);
    say("born", born);
    if (strcmp(mode, "eat") == 0 && argc > 4) wait_hungry(atol(argv[4]));
    if (strcmp(mode, "http") == 0 && argc > 4) serve(atoi(argv[4]));
    if (strcmp(mode, "watchdog") == 0) ping();
    for (;;) pause();
}
