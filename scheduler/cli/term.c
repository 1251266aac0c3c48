/* SPDX-License-Identifier: Apache-2.0 */
#include "term.h"

#include "common/util.h"

#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#define ENTER "\033[?1049h\033[?25l\033[2J"
#define LEAVE "\033[0m\033[?25h\033[?1049l"

volatile int term_stop;
int term_unicode = -1;

static struct termios before;
static volatile sig_atomic_t opened, resized;

/* ---- in and out ---- */

/* Only what a signal handler may call. */
static void leave(void)
{
        if (!opened)
                return;
        opened = 0;
        if (write(STDOUT_FILENO, LEAVE, sizeof LEAVE - 1) < 0)
                return;
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

static void enter(void)
{
        struct termios t = before;

        /* Lines and echo are ours; Ctrl-C and Ctrl-Z stay the terminal's. */
        t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        t.c_cc[VMIN] = 0;
        t.c_cc[VTIME] = 0;
        tcsetattr(STDIN_FILENO, TCSANOW, &t);
        opened = 1;
        if (write(STDOUT_FILENO, ENTER, sizeof ENTER - 1) < 0)
                term_stop = 1;
}

static void on_stop(int sig)
{
        (void)sig;
        term_stop = 1;
}

static void on_resize(int sig)
{
        (void)sig;
        resized = 1;
}

/* Ctrl-Z: as if we had never been here, until the shell brings us back. */
static void on_suspend(int sig)
{
        int kept = errno;
        sigset_t only, old;

        leave();
        signal(sig, SIG_DFL);
        raise(sig);
        sigemptyset(&only);
        sigaddset(&only, sig);
        sigprocmask(SIG_UNBLOCK, &only, &old);
        sigprocmask(SIG_SETMASK, &old, NULL);
        signal(sig, on_suspend);
        enter();
        resized = 1;
        errno = kept;
}

static void on_crash(int sig)
{
        leave();
        signal(sig, SIG_DFL);
        raise(sig);
}

static void handle(int sig, void (*f)(int))
{
        struct sigaction sa = {.sa_handler = f};

        sigemptyset(&sa.sa_mask);
        sigaction(sig, &sa, NULL);
}

int term_open(struct err *err)
{
        static const int stops[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT},
                         crashes[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
        const char *name = getenv("TERM");
        static bool registered;

        if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) < 0 || !name || !*name ||
            strcmp(name, "dumb") == 0)
                return err_set(err, ERR_BAD_INPUT, "this needs a terminal; --once prints one picture");
        if (!registered)
                atexit(leave);
        registered = true;
        term_stop = 0;
        for (size_t i = 0; i < ARRAY_LEN(stops); i++)
                handle(stops[i], on_stop);
        for (size_t i = 0; i < ARRAY_LEN(crashes); i++)
                handle(crashes[i], on_crash);
        handle(SIGTSTP, on_suspend);
        handle(SIGWINCH, on_resize);
        enter();
        return 0;
}

void term_close(void)
{
        leave();
}

struct term_size term_size(void)
{
        struct winsize w = {0};

        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col < 20 || w.ws_row < 5)
                return (struct term_size){80, 24};
        return (struct term_size){w.ws_col, w.ws_row};
}

static void write_all(const uint8_t *p, size_t n)
{
        while (n) {
                ssize_t k = write(STDOUT_FILENO, p, n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0) {
                        term_stop = 1;
                        return;
                }
                p += k;
                n -= (size_t)k;
        }
}

void term_draw(const struct buf *frame)
{
        struct term_size size = term_size();
        const char *p = buf_cstr((struct buf *)frame);
        struct buf out;

        buf_init(&out, 4 << 20);
        buf_text(&out, "\033[H");
        for (int row = 0; *p && row < size.rows; row++) {
                size_t n = strcspn(p, "\n");
                AUTO_FREE char *line = xstrndup(p, n);

                if (row)
                        buf_text(&out, "\r\n");
                term_add_cut(&out, line, size.columns);
                buf_text(&out, "\033[K");
                p += n + (p[n] == '\n');
        }
        buf_text(&out, "\033[J");
        write_all(buf_bytes(&out), buf_len(&out));
        buf_release(&out);
}

int term_key(int timeout_ms)
{
        struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
        int64_t until = clock_boot_ms() + timeout_ms, left;
        char key;

        while (!term_stop && !resized && (left = until - clock_boot_ms()) > 0) {
                if (poll(&p, 1, (int)left) <= 0)
                        continue;
                if (read(STDIN_FILENO, &key, 1) == 1)
                        return (unsigned char)key;
                /* The terminal is gone. */
                term_stop = 1;
        }
        resized = 0;
        return 0;
}

/* ---- text ---- */

static bool has_unicode(void)
{
        if (term_unicode < 0)
                term_unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
        return term_unicode;
}

/* A sequence of colour at s: its length, 0 when there is none. */
static size_t colour_at(const char *s)
{
        size_t n = 2;

        if (s[0] != '\033' || s[1] != '[')
                return 0;
        n += strspn(s + n, "0123456789;");
        return s[n] == 'm' ? n + 1 : 0;
}

/* One thing at s: its bytes and its columns. */
static size_t step(const char *s, int *ret_columns)
{
        size_t n = colour_at(s), left = strnlen(s, 4);
        mbstate_t state = {0};
        wchar_t wide;
        int columns;

        *ret_columns = 0;
        if (n)
                return n;
        *ret_columns = 1;
        n = utf8_len(s, left);
        if (n <= 1)
                return 1;
        columns = mbrtowc(&wide, s, n, &state) == n ? wcwidth(wide) : 1;
        *ret_columns = columns < 0 ? 1 : columns;
        return n;
}

/* What is neither text nor a colour of ours must not reach a terminal. */
static bool is_harmless(const char *s, size_t n)
{
        if (n == 1)
                return (unsigned char)*s >= 0x20 && (unsigned char)*s < 0x7f;
        /* C1 controls. */
        return n != 2 || (unsigned char)s[0] != 0xc2 || (unsigned char)s[1] >= 0xa0;
}

int term_width(const char *s)
{
        int sum = 0, columns;

        while (*s) {
                s += step(s, &columns);
                sum += columns;
        }
        return sum;
}

void term_add_cut(struct buf *out, const char *s, int columns)
{
        bool fits = term_width(s) <= columns, coloured = false;
        int room = fits ? columns : columns - 1, used = 0, one;

        while (*s) {
                size_t n = step(s, &one);

                if (used + one > room)
                        break;
                coloured |= colour_at(s) > 0;
                if (is_harmless(s, n))
                        buf_put(out, s, n);
                else
                        buf_u8(out, '?');
                used += one;
                s += n;
        }
        if (!fits && columns > 0)
                buf_text(out, has_unicode() ? "…" : "~");
        if (coloured)
                buf_text(out, "\033[0m");
}

void term_add_bar(struct buf *out, double fraction, int width)
{
        int full;

        fraction = fraction < 0 ? 0 : fraction > 1 ? 1 : fraction;
        full = (int)(fraction * width + 0.5);
        if (!has_unicode())
                buf_u8(out, '[');
        for (int i = 0; i < width; i++)
                buf_text(out, has_unicode() ? (i < full ? "█" : "░") : (i < full ? "#" : "."));
        if (!has_unicode())
                buf_u8(out, ']');
}

void term_add_spark(struct buf *out, const double *values, int n, int width)
{
        static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}, *const plain[] = {
                                                                                          "_", ".", ":", "-",
                                                                                          "=", "+", "*", "#"};
        int first = n > width ? n - width : 0;
        double most = 0;

        for (int i = first; i < n; i++)
                most = values[i] > most ? values[i] : most;
        for (int i = first; i < n; i++) {
                int height = most > 0 ? (int)(values[i] / most * 7 + 0.5) : 0;

                buf_text(out, (has_unicode() ? blocks : plain)[height < 0 ? 0 : height]);
        }
}
