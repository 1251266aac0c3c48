/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/facts.h"

#include "common/util.h"
#include "worker/cgroup.h"
#include "worker/files.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The value of the first line that starts with `name`, without quotes. */
static void file_value(const char *path, const char *name, char *out, size_t size)
{
        FILE *f = fopen(path, "re");
        char line[512];
        size_t len = strlen(name);

        out[0] = '\0';
        while (f && !out[0] && fgets(line, sizeof line, f)) {
                char *value = line + len;

                if (strncmp(line, name, len) != 0)
                        continue;
                value += strspn(value, " \t\"");
                value[strcspn(value, "\"\n")] = '\0';
                snprintf(out, size, "%s", value);
        }
        if (f)
                fclose(f);
}

static uint64_t memory_kb(const char *name)
{
        char text[64];

        file_value("/proc/meminfo", name, text, sizeof text);
        return strtoull(text, NULL, 10) << 10;
}

static uint32_t cpus_usable(void)
{
        cpu_set_t set;

        if (sched_getaffinity(0, sizeof set, &set) == 0)
                return (uint32_t)CPU_COUNT(&set);
        return (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
}

/* systemd-logind may kill what a login leaves behind, unless the account lingers. */
static const char *linger(void)
{
        const char *user = getenv("USER");
        char path[300];

        if (access("/run/systemd/seats", F_OK) < 0)
                return "yes";
        if (!user || !*user || strchr(user, '/'))
                return "unknown";
        snprintf(path, sizeof path, "/var/lib/systemd/linger/%s", user);
        return access(path, F_OK) == 0 ? "yes" : "unknown";
}

/* Found out as the keeper does. */
static const char *cgroup_kind(void)
{
        struct cgroups c;
        char name[32];
        const char *word;

        snprintf(name, sizeof name, "facts-%d", getpid());
        cgroups_open(&c, name, NULL);
        word = cgroups_word(&c);
        cgroups_close(&c);
        return *word ? word : "none";
}

void facts_read(struct facts *ret)
{
        struct utsname u;

        memset(ret, 0, sizeof *ret);
        if (uname(&u) == 0) {
                snprintf(ret->hostname, sizeof ret->hostname, "%s", u.nodename);
                snprintf(ret->machine, sizeof ret->machine, "%s", u.machine);
        }
        file_value("/etc/os-release", "PRETTY_NAME=", ret->os, sizeof ret->os);
        if (!ret->os[0])
                snprintf(ret->os, sizeof ret->os, "Linux");
        ret->cpus = cpus_usable();
        ret->memory = memory_kb("MemTotal:");
        disk_space(&ret->disk_free, &ret->disk_total);
        snprintf(ret->features, sizeof ret->features, "rlimit fetch version=%.20s", REEVE_VERSION);
        ret->linger = linger();
}

uint64_t facts_memory_available(void)
{
        return memory_kb("MemAvailable:");
}

uint32_t facts_load_milli(void)
{
        double load;

        return getloadavg(&load, 1) == 1 && load >= 0 ? (uint32_t)(load * 1000) : 0;
}

/* Values stand on one line between spaces. */
static void without_spaces(char *s)
{
        for (; *s; s++) {
                if (*s == ' ' || (unsigned char)*s < 0x20)
                        *s = '_';
        }
}

int facts_print(void)
{
        struct facts f;

        facts_read(&f);
        without_spaces(f.os);
        without_spaces(f.hostname);
        printf("os=%s machine=%s cpus=%u memory=%llu disk_free=%llu wall_ms=%lld uid=%u cgroup=%s linger=%s "
               "hostname=%s\n",
               f.os, f.machine, f.cpus, (unsigned long long)f.memory, (unsigned long long)f.disk_free,
               (long long)clock_wall_ms(), (unsigned)geteuid(), cgroup_kind(), f.linger, f.hostname);
        return fflush(stdout) == 0 ? 0 : 1;
}
