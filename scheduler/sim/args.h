/* SPDX-License-Identifier: Apache-2.0 */
/* args.h - what can be asked for: name, kind, bounds and help are one table. */
#ifndef REEVE_SIM_ARGS_H
#define REEVE_SIM_ARGS_H

#include "sim/world.h"

#include <stdio.h>

struct option_list { /* of an option that may be given several times; borrows */
        const char **at;
        size_t n, cap;
};

struct args {
        struct world_options world;
        struct option_list platforms, workloads, links;
        const char *truth, *policy, *policies, *generate, *sites;
        int64_t pass_ms, copies;
        bool json, learn, informed, check, cost, events, plain;
};

void args_init(struct args *o);
void args_release(struct args *o);
int args_read(struct args *o, int argc, char **argv, struct err *err);
void args_print(FILE *to);
bool args_list_has(const char *names, const char *name); /* in "a,b,c" */

#endif
