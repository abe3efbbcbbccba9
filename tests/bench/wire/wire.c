#include "tests/bench/wire/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char prefix[] = "bench1.";

void
wire_hex(char out[WIRE_ID + 1], uint64_t v)
{
	(void)snprintf(out, WIRE_ID + 1, "%016" PRIx64, v);
}

void
wire_echo(char *out, uint64_t id, uint64_t hash, uint64_t length)
{
	(void)snprintf(out, (size_t)3 * WIRE_ID,
		"%016" PRIx64 "h%016" PRIx64 "l%" PRIu64 "e", id, hash,
		length % 1000000000000U);
}

void
ask_print(char *out, const struct ask *a)
{
	(void)snprintf(out, ASK_TEXT + 1, "%s%016" PRIx64 ".%c.%07u.%07u.%07u.%08u.%c%c",
		prefix, a->id, a->mode, a->texts % 10000000, a->calls % 10000000,
		a->interval_us % 10000000, a->bytes % 100000000, a->stamp ? 't' : '-',
		a->echo ? 'h' : '-');
}

bool
ask_find(struct str text, struct ask *a)
{
	const char *at = memmem(text.p, text.n, prefix, sizeof prefix - 1);
	char copy[ASK_TEXT + 1], again[ASK_TEXT + 1];

	if (at == NULL || text.n - (size_t)(at - text.p) < ASK_TEXT)
		return false;
	memcpy(copy, at, ASK_TEXT);
	copy[ASK_TEXT] = '\0';
	*a = (struct ask){ .id = strtoull(copy + 7, NULL, 16),
		.mode = copy[24],
		.texts = (unsigned)strtoul(copy + 26, NULL, 10),
		.calls = (unsigned)strtoul(copy + 34, NULL, 10),
		.interval_us = (unsigned)strtoul(copy + 42, NULL, 10),
		.bytes = (unsigned)strtoul(copy + 50, NULL, 10),
		.stamp = copy[59] == 't',
		.echo = copy[60] == 'h' };
	ask_print(again, a);
	return (a->mode == 'j' || a->mode == 's') && strcmp(copy, again) == 0;
}
