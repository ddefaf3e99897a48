/* What the campaign puts between a process and the C library: the N-th call that changes a file below a folder fails, or kills.

Loaded by LD_PRELOAD, it sees what DuckDB, Polars and the store's library do, and not only Python. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITES = 1, SYNCS = 2, NAMES = 4, GROWS = 8, SHRINKS = 16 };

static char folder[PATH_MAX];
static size_t folder_length;
static long deadly, seen;
static int error_number, is_lasting, is_full;
static unsigned counted;

/* error 0 kills; `lasting` is a disk that stays full: from then on nothing grows. */
void faults_arm(const char *below, long at, int error, int lasting, unsigned kinds) {
    snprintf(folder, sizeof folder, "%s/", below);
    folder_length = strlen(folder);
    deadly = at, error_number = error, is_lasting = lasting, counted = kinds, seen = 0, is_full = 0;
}

long faults_disarm(void) {
    folder_length = 0;
    return seen;
}

static int is_below(const char *path) { return folder_length && path && !strncmp(path, folder, folder_length); }

static int is_ours(int descriptor) {
    char link[64], path[PATH_MAX];
    if (!folder_length) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_below(path);
}

/* Whether this call is the one. */
static int strikes(unsigned kind) {
    if (!(counted & kind)) return 0;
    return __atomic_add_fetch(&seen, 1, __ATOMIC_SEQ_CST) == deadly;
}

static int fail(void) {
    if (!error_number) kill(getpid(), SIGKILL);
    if (is_lasting) is_full = 1;
    errno = error_number;
    return -1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define CACHED(name) static __typeof__(&name) real; if (!real) real = REAL(name)

static int grows(int descriptor, off_t until) {
    struct stat found;
    return is_full && !fstat(descriptor, &found) && S_ISREG(found.st_mode) && until > found.st_size;
}

/* Half of what was to be written is, as where a disk is full, or a process dies. */
#define WRITE(half, until, whole) \
    do { \
        int errno_before = errno; \
        if (is_ours(descriptor)) { \
            if (grows(descriptor, until)) { errno = ENOSPC; return -1; } \
            if (strikes(WRITES)) { \
                if ((!error_number || is_lasting) && count > 1) { ssize_t done = half; if (error_number) { is_full = 1; return done; } } \
                return fail(); \
            } \
        } \
        errno = errno_before; \
        return whole; \
    } while (0)

ssize_t write(int descriptor, const void *content, size_t count) {
    CACHED(write);
    WRITE(real(descriptor, content, count / 2), lseek(descriptor, 0, SEEK_CUR) + (off_t)count, real(descriptor, content, count));
}

ssize_t pwrite(int descriptor, const void *content, size_t count, off_t at) {
    CACHED(pwrite);
    WRITE(real(descriptor, content, count / 2, at), at + (off_t)count, real(descriptor, content, count, at));
}

ssize_t pwrite64(int descriptor, const void *content, size_t count, off64_t at) {
    CACHED(pwrite64);
    WRITE(real(descriptor, content, count / 2, at), at + (off_t)count, real(descriptor, content, count, at));
}

ssize_t sendfile(int descriptor, int from, off_t *at, size_t count) {
    CACHED(sendfile);
    WRITE(real(descriptor, from, at, 1), lseek(descriptor, 0, SEEK_CUR) + 1, real(descriptor, from, at, count));
}

ssize_t sendfile64(int descriptor, int from, off64_t *at, size_t count) {
    CACHED(sendfile64);
    WRITE(real(descriptor, from, at, 1), lseek(descriptor, 0, SEEK_CUR) + 1, real(descriptor, from, at, count));
}

int fsync(int descriptor) {
    CACHED(fsync);
    return is_ours(descriptor) && strikes(SYNCS) ? fail() : real(descriptor);
}

int fdatasync(int descriptor) {
    CACHED(fdatasync);
    return is_ours(descriptor) && strikes(SYNCS) ? fail() : real(descriptor);
}

int rename(const char *from, const char *to) {
    CACHED(rename);
    return is_below(to) && strikes(NAMES) ? fail() : real(from, to);
}

int link(const char *from, const char *to) {
    CACHED(link);
    return is_below(to) && strikes(NAMES) ? fail() : real(from, to);
}

int unlink(const char *path) {
    CACHED(unlink);
    return is_below(path) && strikes(SHRINKS) ? fail() : real(path);
}

int rmdir(const char *path) {
    CACHED(rmdir);
    return is_below(path) && strikes(SHRINKS) ? fail() : real(path);
}

int mkdir(const char *path, mode_t mode) {
    CACHED(mkdir);
    if (is_below(path) && is_full && access(path, F_OK)) return errno = ENOSPC, -1;
    return is_below(path) && strikes(GROWS) ? fail() : real(path, mode);
}

int ftruncate(int descriptor, off_t length) {
    CACHED(ftruncate);
    return is_ours(descriptor) && strikes(SHRINKS) ? fail() : real(descriptor, length);
}

int ftruncate64(int descriptor, off64_t length) {
    CACHED(ftruncate64);
    return is_ours(descriptor) && strikes(SHRINKS) ? fail() : real(descriptor, length);
}

static int may_not_make(const char *path, int flags) {
    if (!(flags & O_CREAT) || !is_below(path) || !access(path, F_OK)) return 0;
    if (is_full) { errno = ENOSPC; return 1; }
    if (!strikes(GROWS)) return 0;
    fail();
    return 1;
}

#define MODE mode_t mode = 0; if (flags & (O_CREAT | __O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }

int open(const char *path, int flags, ...) {
    CACHED(open);
    MODE
    return may_not_make(path, flags) ? -1 : real(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    CACHED(open64);
    MODE
    return may_not_make(path, flags) ? -1 : real(path, flags, mode);
}

int openat(int at, const char *path, int flags, ...) {
    CACHED(openat);
    MODE
    return may_not_make(path, flags) ? -1 : real(at, path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...) {
    CACHED(openat64);
    MODE
    return may_not_make(path, flags) ? -1 : real(at, path, flags, mode);
}
