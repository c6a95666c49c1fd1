/* rt_planted.c - breaks one rule inside a real-time section; argv[1] says which. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern void eegcore_rt_section(int entering);

static const char *const RULES[] = {"malloc", "calloc", "realloc", "free", "aligned_alloc", "pthread_mutex_lock", "write",
                                    "stdio", "minflt"};
enum { MALLOC, CALLOC, REALLOC, FREE, ALIGNED_ALLOC, PTHREAD_MUTEX_LOCK, WRITE, STDIO, MINFLT, N_RULES };

int main(int argc, char **argv)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    int what = 0;
    void *volatile before = malloc(100);                    /* outside: allowed */
    char *volatile pages = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *volatile p = NULL;

    while (what < N_RULES && strcmp(argc > 1 ? argv[1] : "", RULES[what]) != 0) {
        what++;
    }
    eegcore_rt_section(1);
    if (what == MALLOC) {
        p = malloc(100);
    } else if (what == CALLOC) {
        p = calloc(10, 10);
    } else if (what == REALLOC) {
        before = realloc(before, 5000);
    } else if (what == FREE) {
        free(before);
        before = NULL;
    } else if (what == ALIGNED_ALLOC) {
        p = aligned_alloc(64, 64);
    } else if (what == PTHREAD_MUTEX_LOCK) {
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
    } else if (what == WRITE) {
        if (write(STDOUT_FILENO, "x", 1) != 1) {
            return 1;
        }
    } else if (what == STDIO) {
        printf("x");
    } else if (what == MINFLT) {
        pages[2 * 4096] = 1;
    }
    eegcore_rt_section(0);
    free(p);
    free(before);
    return 0;
}
