/* rt_trap.c - counts what a real-time section must not do. Preload it:
 *
 *     gcc -shared -fPIC -O1 -fno-builtin -o rt_trap.so rt_trap.c -ldl
 *     EEGCORE_RT_TRAP=report LD_PRELOAD=./rt_trap.so python -m eegcore run ...
 *
 * The core calls eegcore_rt_section(1) when a thread enters such a section and
 * (0) when it leaves; in production nobody defines that function. Calls of the
 * allocator, of locks and of stdio that the thread makes in between are
 * counted, with the place of the first. At exit the counts are written to
 * $EEGCORE_RT_TRAP.<pid>, one "name count [first place]" a line.
 *
 * gil: sections entered while the thread held the GIL. Taking the GIL inside a
 * section locks a mutex and is counted as that. minflt, majflt: page faults in
 * sections.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MALLOC, CALLOC, REALLOC, FREE, ALIGNED, MUTEX_LOCK, RWLOCK, COND_WAIT, WRITE, STDIO, GIL, N_KINDS };
static const char *const NAMES[N_KINDS] = {"malloc", "calloc", "realloc", "free", "aligned_alloc", "pthread_mutex_lock",
                                           "pthread_rwlock", "pthread_cond_wait", "write", "stdio", "gil"};

static _Atomic uint64_t counts[N_KINDS], sections, open_sections, minflt, majflt;
static _Atomic(void *) first[N_KINDS];

/* In the static TLS block: reaching it must not call the allocator this file stands in for. */
#define OWN static __thread __attribute__((tls_model("initial-exec")))
OWN int inside;
OWN struct rusage at_entry;

extern int PyGILState_Check(void) __attribute__((weak));
extern int Py_IsInitialized(void) __attribute__((weak));

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static void note(int kind, void *place)
{
    void *nobody = NULL;
    if (inside) {
        counts[kind]++;
        atomic_compare_exchange_strong(&first[kind], &nobody, place);
    }
}
#define NOTE(kind) note(kind, __builtin_return_address(0))

void eegcore_rt_section(int entering)
{
    struct rusage now;
    if (entering) {
        sections++;
        open_sections++;
        if (PyGILState_Check && Py_IsInitialized && Py_IsInitialized() && PyGILState_Check()) {
            counts[GIL]++;
        }
        getrusage(RUSAGE_THREAD, &at_entry);
        inside = 1;
    } else {
        inside = 0;
        open_sections--;
        getrusage(RUSAGE_THREAD, &now);
        minflt += (uint64_t)(now.ru_minflt - at_entry.ru_minflt);
        majflt += (uint64_t)(now.ru_majflt - at_entry.ru_majflt);
    }
}

/* ---- the allocator ---- */

void *malloc(size_t n)              { NOTE(MALLOC); return __libc_malloc(n); }
void *calloc(size_t n, size_t size) { NOTE(CALLOC); return __libc_calloc(n, size); }
void *realloc(void *p, size_t n)    { NOTE(REALLOC); return __libc_realloc(p, n); }
void free(void *p)                  { if (p) NOTE(FREE); __libc_free(p); }
void *memalign(size_t a, size_t n)  { NOTE(ALIGNED); return __libc_memalign(a, n); }
void *aligned_alloc(size_t a, size_t n) { NOTE(ALIGNED); return __libc_memalign(a, n); }
int posix_memalign(void **p, size_t a, size_t n)
{
    NOTE(ALIGNED);
    *p = __libc_memalign(a, n);
    return *p ? 0 : ENOMEM;
}

/* ---- locks and stdio: forwarded to the next library ---- */

static void *next(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) {
        abort();
    }
    return found;
}
#define FORWARD(kind, result, name, parameters, arguments)  \
    result name parameters                                  \
    {                                                       \
        static result(*real) parameters;                    \
        NOTE(kind);                                         \
        if (!real) {                                        \
            real = (result(*) parameters)next(#name);       \
        }                                                   \
        return real arguments;                              \
    }

FORWARD(MUTEX_LOCK, int, pthread_mutex_lock, (pthread_mutex_t *m), (m))
FORWARD(MUTEX_LOCK, int, pthread_mutex_trylock, (pthread_mutex_t *m), (m))
FORWARD(RWLOCK, int, pthread_rwlock_rdlock, (pthread_rwlock_t *l), (l))
FORWARD(RWLOCK, int, pthread_rwlock_wrlock, (pthread_rwlock_t *l), (l))
FORWARD(COND_WAIT, int, pthread_cond_signal, (pthread_cond_t *c), (c))
FORWARD(WRITE, ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
FORWARD(WRITE, ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n))
FORWARD(STDIO, size_t, fwrite, (const void *p, size_t size, size_t n, FILE *f), (p, size, n, f))
FORWARD(STDIO, int, fputs, (const char *s, FILE *f), (s, f))
FORWARD(STDIO, int, puts, (const char *s), (s))
FORWARD(STDIO, int, fflush, (FILE *f), (f))
FORWARD(STDIO, int, vfprintf, (FILE *f, const char *format, va_list list), (f, format, list))
FORWARD(STDIO, int, vsnprintf, (char *to, size_t n, const char *format, va_list list), (to, n, format, list))

#define PRINTS(name, first_parameters, call)                \
    int name first_parameters                               \
    {                                                       \
        va_list list;                                       \
        NOTE(STDIO);                                        \
        va_start(list, format);                             \
        int done = call;                                    \
        va_end(list);                                       \
        return done;                                        \
    }
PRINTS(printf, (const char *format, ...), vprintf(format, list))
PRINTS(fprintf, (FILE *f, const char *format, ...), vfprintf(f, format, list))
PRINTS(snprintf, (char *to, size_t n, const char *format, ...), vsnprintf(to, n, format, list))

/* ---- the report ---- */

__attribute__((destructor)) static void report(void)
{
    const char *name = getenv("EEGCORE_RT_TRAP");
    char path[4096];
    FILE *file;
    inside = 0;
    if (!name || snprintf(path, sizeof path, "%s.%d", name, (int)getpid()) >= (int)sizeof path ||
        !(file = fopen(path, "w"))) {
        return;
    }
    fprintf(file, "sections %llu\nopen %llu\nminflt %llu\nmajflt %llu\n", (unsigned long long)sections,
            (unsigned long long)open_sections, (unsigned long long)minflt, (unsigned long long)majflt);
    for (int kind = 0; kind < N_KINDS; kind++) {
        Dl_info info = {0};
        fprintf(file, "%s %llu", NAMES[kind], (unsigned long long)counts[kind]);
        if (first[kind] && dladdr(first[kind], &info)) {
            fprintf(file, " %s+0x%lx %s", info.dli_fname, (long)((char *)first[kind] - (char *)info.dli_fbase),
                    info.dli_sname ? info.dli_sname : "?");
        }
        fputc('\n', file);
    }
    fclose(file);
}
