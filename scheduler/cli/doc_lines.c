/* SPDX-License-Identifier: Apache-2.0 */
#include "doc_lines.h"

#include "common/util.h"

#include <stdint.h>
#include <string.h>

#define NAME_MAX_SOUGHT 512

struct node {
        uint32_t line, end; /* end: the index behind all that is inside */
        uint32_t hash;      /* of the name; names of one object are told apart well enough by it */
        json_t *value;
};

struct doc_lines {
        struct node *nodes;
        size_t count, cap;
};

struct doc_lines *doc_lines_new(void)
{
        return xcalloc(1, sizeof(struct doc_lines));
}

void doc_lines_free(struct doc_lines *l)
{
        if (!l)
                return;
        for (size_t i = 0; i < l->count; i++)
                json_decref(l->nodes[i].value);
        free(l->nodes);
        free(l);
}

static uint32_t hash_of(const char *name)
{
        uint32_t h = 2166136261u;

        for (; *name; name++)
                h = (h ^ (unsigned char)*name) * 16777619u;
        return h;
}

size_t doc_lines_open(struct doc_lines *l, const char *name, size_t line)
{
        l->nodes = xgrow(l->nodes, l->count, &l->cap, sizeof *l->nodes);
        l->nodes[l->count] = (struct node){.line = (uint32_t)line, .hash = name ? hash_of(name) : 0};
        return l->count++;
}

void doc_lines_close(struct doc_lines *l, size_t at, json_t *value)
{
        l->nodes[at].end = (uint32_t)l->count;
        l->nodes[at].value = json_incref(value);
}

/* The next part of a pointer, decoded; returns what follows it. */
static const char *next_part(const char *pointer, char *ret, size_t max)
{
        size_t n = 0;

        for (pointer++; *pointer && *pointer != '/'; pointer++) {
                char c = *pointer;

                if (c == '~' && (pointer[1] == '0' || pointer[1] == '1'))
                        c = *++pointer == '0' ? '~' : '/';
                if (n + 1 < max)
                        ret[n++] = c;
        }
        ret[n] = '\0';
        return pointer;
}

/* The index'th of the values right inside, or (for an object) the one of that name; 0: there is none. */
static size_t child_of(const struct doc_lines *l, size_t at, const json_t *object, const char *name,
                       size_t index)
{
        uint32_t hash = hash_of(name);
        size_t k = 0;

        for (size_t i = at + 1; i < l->nodes[at].end; i = l->nodes[i].end, k++) {
                if (json_is_object(object) ? l->nodes[i].hash == hash : k == index)
                        return i;
        }
        return 0;
}

size_t doc_line(const struct doc_lines *l, const json_t *doc, const char *pointer)
{
        char name[NAME_MAX_SOUGHT];
        size_t at = 0;

        if (!l->count || l->nodes[0].value != doc)
                return 0;
        while (*pointer == '/') {
                size_t index, child;
                const json_t *value;

                pointer = next_part(pointer, name, sizeof name);
                index = json_is_array(doc) ? strtoul(name, NULL, 10) : 0;
                value = json_is_array(doc) ? json_array_get(doc, index) : json_object_get(doc, name);
                child = child_of(l, at, doc, name, index);
                if (!value)
                        break;
                if (!child || l->nodes[child].value != value)
                        return 0;
                at = child;
                doc = value;
        }
        return l->nodes[at].line;
}
