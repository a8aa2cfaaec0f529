/* The measured agent: it says when it was begun, and for which task. The first thing it does is to read the clock.
 *
 * ran FILE MS TASK      appends "TASK CLOCK_NS PID" to the file with one write, then works for MS milliseconds
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
    struct timespec t;
    char line[512];
    clock_gettime(CLOCK_MONOTONIC, &t);
    if (argc != 4) return 2;
    int length = snprintf(line, sizeof line, "%s %lld %d\n", argv[3], t.tv_sec * 1000000000LL + t.tv_nsec, getpid());
    int fd = open(argv[1], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || length >= (int)sizeof line || write(fd, line, length) != length) return 9;
    usleep(atol(argv[2]) * 1000);
    printf("done: %s\n", argv[3]);
    return 0;
}
