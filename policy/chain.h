#ifndef POLICY_CHAIN_H
#define POLICY_CHAIN_H

/*
 * What binds the lines of the decision log together. Pure.
 *
 *   {"v":1,"seq":7,"prev":"<SHA-256 of line 6 without its newline>","ts":...
 *
 * goes on over rotated files. The head, in <log>.head, says which line is the last one: so a
 * cut-off tail is found, too. It has a fixed size, so that it can be written in place when the
 * disk is full.
 *
 *   seq 7
 *   sha256 <of line 7>
 *   ...
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum { REC_SHA_HEX = 64, REC_HEAD_BYTES = 384, REC_STAMP_MAX = 32 };

#define REC_NO_PREV "0000000000000000000000000000000000000000000000000000000000000000"

/* A line's place. */
struct rec_link {
	uint64_t seq; /* from 1 on */
	char prev[REC_SHA_HEX + 1];
};

/* Reads it off a line; false: the line has none, it is not of the chain. */
bool rec_link_of(struct str line, struct rec_link *out);
/* How a line begins: up to its prev. */
void rec_link_put(struct buf *b, const struct rec_link *l);

struct rec_head {
	uint64_t seq; /* of the last line; 0: there is none */
	char sha256[REC_SHA_HEX + 1];
	uint64_t oldest; /* seq of the first line in the oldest file that is kept */
	uint64_t end;    /* how many bytes the log had behind the last line */
	uint64_t born;   /* seconds since 1970: when the log's file was begun */
	uint64_t
		lost; /* lines that could not be written, and that no line tells of yet */
	char since[REC_STAMP_MAX]; /* when the first of them was lost; empty: none */
};

/* SHA-256 in hexadecimal, NUL-terminated. */
void rec_sha256(struct str bytes, char out[REC_SHA_HEX + 1]);

struct rec_head rec_head_first(uint64_t born);
void rec_head_put(const struct rec_head *h, char out[REC_HEAD_BYTES]);
/* False: that is no head as we write it, so nothing of it counts. */
bool rec_head_read(struct str text, struct rec_head *h);
/* True when the line is the one behind the head. */
bool rec_head_fits(const struct rec_head *h, const struct rec_link *l);
/* True when the text could have become that line: what a killed writer leaves. */
bool rec_head_could_begin(const struct rec_head *h, struct str text);
/* The line, without its newline, becomes the head. */
void rec_head_move(struct rec_head *h, struct str line);

#endif
