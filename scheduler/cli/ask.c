/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include "common/util.h"

#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void on_signal(int signo)
{
        caught = signo;
}

/* While there is no echo, what would end or stop the program waits until the terminal is as it was. It is
 * heard of while an answer is waited for and at no other moment, or one that comes just before would be slept
 * over. */
static const int endings[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP};

struct quiet {
        struct termios before;
        struct sigaction actions[ARRAY_LEN(endings)];
        sigset_t open; /* the signals that are held back as they were before, and while waiting */
        bool changed;
};

static void quiet_begin(struct quiet *q, int fd)
{
        const struct sigaction note = {.sa_handler = on_signal};
        struct termios t;
        sigset_t held;

        caught = 0;
        sigemptyset(&held);
        for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
                sigaddset(&held, endings[i]);
                sigaction(endings[i], &note, &q->actions[i]);
        }
        sigprocmask(SIG_BLOCK, &held, &q->open);
        q->changed = tcgetattr(fd, &q->before) == 0;
        if (!q->changed)
                return;
        t = q->before;
        t.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(fd, TCSAFLUSH, &t);
}

static void quiet_end(struct quiet *q, int fd)
{
        if (q->changed)
                tcsetattr(fd, TCSAFLUSH, &q->before);
        sigprocmask(SIG_SETMASK, &q->open, NULL);
        for (size_t i = 0; i < ARRAY_LEN(endings); i++)
                sigaction(endings[i], &q->actions[i], NULL);
        if (caught)
                raise(caught);
}

static bool is_ready(int fd, const struct quiet *q)
{
        struct pollfd p = {.fd = fd, .events = POLLIN};

        return !q || (ppoll(&p, 1, NULL, &q->open) == 1 && !caught);
}

/* Up to the newline; false: the end came first, or a signal. `q`: without echo, NULL with it. */
static bool read_answer(int fd, const struct quiet *q, char line[ASK_MAX])
{
        size_t n = 0;
        char c = '\0';

        while (n < ASK_MAX - 1 && is_ready(fd, q) && read(fd, &c, 1) == 1 && c != '\n' && c != '\r')
                line[n++] = c;
        line[n] = '\0';
        return c == '\n' || c == '\r';
}

static int ask(const char *prompt, bool echo, char **ret, struct err *err)
{
        char line[ASK_MAX] = "";
        FILE *tty = fopen("/dev/tty", "r+e");
        struct quiet q = {0};
        bool got;

        if (!tty)
                return err_set(err, ERR_BAD_INPUT, "there is no terminal to ask at");
        if (!echo) /* before the prompt: who sees it may type */
                quiet_begin(&q, fileno(tty));
        fputs(prompt, tty);
        fflush(tty);
        got = read_answer(fileno(tty), echo ? NULL : &q, line);
        if (!echo) {
                quiet_end(&q, fileno(tty));
                fputc('\n', tty);
        }
        fclose(tty);
        if (got)
                *ret = xstrdup(line);
        sodium_memzero(line, sizeof line);
        return got ? 0 : err_set(err, ERR_BAD_INPUT, "no answer was given");
}

int ask_line(const char *prompt, char **ret, struct err *err)
{
        return ask(prompt, true, ret, err);
}

int ask_secret(const char *prompt, char **ret, struct err *err)
{
        char *text = NULL;

        if (ask(prompt, false, &text, err) < 0)
                return -1;
        if (!*text) {
                free(text);
                return err_set(err, ERR_BAD_INPUT, "no answer was given");
        }
        *ret = text;
        return 0;
}

void secret_free(char *text)
{
        if (text)
                sodium_memzero(text, strlen(text));
        free(text);
}
