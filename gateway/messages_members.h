#ifndef GATEWAY_MESSAGES_MEMBERS_H
#define GATEWAY_MESSAGES_MEMBERS_H

/*
 * The members of one object of the Messages API, read in one pass: those that decide go to
 * their slots, those that are documented and decide nothing are passed over, and of all others
 * the first is told that could carry a tool or a call.
 *
 * As strict as js_fields: no name twice, none with an escape, none that differs from a known
 * one only in its case.
 *
 * What is documented: the types of Anthropic's own SDK for Python, whose beta types are the
 * widest (src/anthropic/types/beta, generated from the API's OpenAPI description).
 */

#include "base/err.h"
#include "base/jscan.h"

enum {
	MSG_PASS = -1,      /* a member that decides nothing */
	MSG_KNOWN_MAX = 64, /* names in a shape */
	MSG_CARRY_DEPTH =
		16, /* what is nested deeper in an unknown member could be anything */
};

struct msg_member {
	const char *name;
	size_t n;
	int slot;
};
#define MSG_MEMBER(z, to)                                                                \
	{                                                                                \
		.name = (z), .n = sizeof(z) - 1, .slot = (to)                            \
	}

struct msg_shape {
	const struct msg_member *v;
	size_t n;
};
#define MSG_SHAPE(array)                                                                 \
	{                                                                                \
		.v = (array), .n = LEN(array)                                            \
	}

/* slot: nslots of them, JS_NONE where nothing came. odd: empty, or the name of such a member. */
int msg_members(struct js object, const struct msg_shape *shape, struct js *slot,
	size_t nslots, struct str *odd, struct err *e);

/*
 * Whether a member that nobody documents could carry a tool, a call, or a place to run one: by
 * its own name, or by the names and types inside. Nothing, and an empty list, carries nothing.
 */
bool msg_could_carry(struct str name, struct js v);

#endif
