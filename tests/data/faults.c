// Lets one call of a program to the C library fail, or ends the program there; loaded before the library (LD_PRELOAD).
//
//   FAULT=call:number:what   the number-th of such calls, from 1; what is an errno, "short" (half of a write), or "before"
//                            or "after" (the program is killed), "hang" (it never returns)
//   FAULT_BELOW=folder       counts calls on files below this folder only
//   FAULT_COUNTS=file        how many calls of each kind there were is written there at the end
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum call { OPEN, READ, WRITE, SYNC, RENAME, MKDIR, UNLINK, TRUNCATE, STAT, CALLS };
static const char *const names[CALLS] = {"open",  "read",   "write",    "sync", "rename",
                                         "mkdir", "unlink", "truncate", "stat"};
static atomic_long counts[CALLS];

enum effect { NONE, FAIL, SHORT, END_AFTER };
static enum call chosen = CALLS;
static long number;
static char what[16];

__attribute__((constructor)) static void read_environment(void) {
    const char *fault = getenv("FAULT");
    char name[16];
    if (fault == NULL || sscanf(fault, "%15[^:]:%ld:%15s", name, &number, what) != 3) return;
    for (int i = 0; i < CALLS; i++)
        if (strcmp(name, names[i]) == 0) chosen = i;
}

__attribute__((destructor)) static void write_counts(void) {
    const char *path = getenv("FAULT_COUNTS");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (file == NULL) return;
    for (int i = 0; i < CALLS; i++) fprintf(file, "%s %ld\n", names[i], (long)counts[i]);
    fclose(file);
}

static int is_below(const char *path) {
    const char *folder = getenv("FAULT_BELOW");
    return path != NULL && folder != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

static int is_open_below(int file) {
    char link[40], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_below(path);
}

// A path relative to an open folder counts where the folder does.
static int is_at_below(int folder, const char *path) {
    return path != NULL && path[0] != '/' && folder != AT_FDCWD ? is_open_below(folder) : is_below(path);
}

static enum effect counted(enum call call, int counts_here) {
    if (!counts_here) return NONE;
    long nth = atomic_fetch_add(&counts[call], 1) + 1;
    if (call != chosen || nth != number) return NONE;
    if (strcmp(what, "before") == 0) kill(getpid(), SIGKILL);
    if (strcmp(what, "after") == 0) return END_AFTER;
    if (strcmp(what, "short") == 0) return SHORT;
    while (strcmp(what, "hang") == 0) pause();
    errno = atoi(what);
    return FAIL;
}

// Calls the function of this name that would have been called, unless what was seen says otherwise.
#define PASS_ON(type, seen, types, arguments)                    \
    do {                                                         \
        enum effect now = (seen);                                \
        if (now == FAIL) return -1;                              \
        static type(*real) types;                                \
        if (real == NULL) real = dlsym(RTLD_NEXT, __func__);     \
        type result = real arguments;                            \
        if (now == END_AFTER) kill(getpid(), SIGKILL);           \
        return result;                                           \
    } while (0)

#define OPENS(function, counts_here, parameters, types, arguments)                       \
    int function parameters {                                                            \
        va_list more;                                                                    \
        va_start(more, flags);                                                           \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;          \
        va_end(more);                                                                    \
        PASS_ON(int, counted(OPEN, counts_here), types, arguments);                      \
    }
OPENS(open, is_below(path), (const char *path, int flags, ...), (const char *, int, ...), (path, flags, mode))
OPENS(open64, is_below(path), (const char *path, int flags, ...), (const char *, int, ...), (path, flags, mode))
OPENS(openat, is_at_below(folder, path), (int folder, const char *path, int flags, ...), (int, const char *, int, ...),
      (folder, path, flags, mode))
OPENS(openat64, is_at_below(folder, path), (int folder, const char *path, int flags, ...), (int, const char *, int, ...),
      (folder, path, flags, mode))

ssize_t read(int file, void *to, size_t length) {
    PASS_ON(ssize_t, counted(READ, is_open_below(file)), (int, void *, size_t), (file, to, length));
}
ssize_t pread64(int file, void *to, size_t length, off64_t offset) {
    PASS_ON(ssize_t, counted(READ, is_open_below(file)), (int, void *, size_t, off64_t), (file, to, length, offset));
}
ssize_t write(int file, const void *from, size_t length) {
    enum effect effect = counted(WRITE, is_open_below(file));
    if (effect == SHORT) length = (length + 1) / 2;
    PASS_ON(ssize_t, effect, (int, const void *, size_t), (file, from, length));
}
ssize_t pwrite64(int file, const void *from, size_t length, off64_t offset) {
    enum effect effect = counted(WRITE, is_open_below(file));
    if (effect == SHORT) length = (length + 1) / 2;
    PASS_ON(ssize_t, effect, (int, const void *, size_t, off64_t), (file, from, length, offset));
}
int fsync(int file) { PASS_ON(int, counted(SYNC, is_open_below(file)), (int), (file)); }
int fdatasync(int file) { PASS_ON(int, counted(SYNC, is_open_below(file)), (int), (file)); }
int rename(const char *from, const char *to) {
    PASS_ON(int, counted(RENAME, is_below(from)), (const char *, const char *), (from, to));
}
int mkdir(const char *path, mode_t mode) {
    PASS_ON(int, counted(MKDIR, is_below(path)), (const char *, mode_t), (path, mode));
}
int unlink(const char *path) { PASS_ON(int, counted(UNLINK, is_below(path)), (const char *), (path)); }
int rmdir(const char *path) { PASS_ON(int, counted(UNLINK, is_below(path)), (const char *), (path)); }
int unlinkat(int folder, const char *path, int flags) {
    PASS_ON(int, counted(UNLINK, is_at_below(folder, path)), (int, const char *, int), (folder, path, flags));
}
int ftruncate64(int file, off64_t length) {
    PASS_ON(int, counted(TRUNCATE, is_open_below(file)), (int, off64_t), (file, length));
}
int statx(int folder, const char *path, int flags, unsigned mask, struct statx *to) {
    PASS_ON(int, counted(STAT, is_at_below(folder, path)), (int, const char *, int, unsigned, struct statx *),
            (folder, path, flags, mask, to));
}
