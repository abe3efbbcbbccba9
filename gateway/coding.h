#ifndef GATEWAY_CODING_H
#define GATEWAY_CODING_H

/*
 * Content-Encoding (RFC 9110, 8.4) taken off, incrementally. Pure.
 *
 *   gzip (RFC 1952), deflate (RFC 1950), br (RFC 7932), zstd (RFC 8878 and 9659)
 *
 * Bytes go in in any split and what they mean comes out at once: an event that is complete
 * in what has come so far is complete in what has gone out.
 *
 * Little may not become much. What comes out is bounded by the caller's ceiling, by a ratio
 * to what went in, and in memory: 32 KB of window for gzip and deflate, 16 MB for br (its
 * format allows no more), 8 MB for zstd (RFC 9659, 3). Nothing is allocated before the first
 * byte.
 *
 * Readers differ in what they make of more than one gzip member or zstd frame, and of deflate
 * without its zlib header (RFC 9110, 8.4.1.2). In an exact body, one that goes on as it came,
 * these are refused: the next reader must see what was checked. In others they are taken.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum gw_coding { GW_GZIP, GW_DEFLATE, GW_BROTLI, GW_ZSTD, GW_CODING_KINDS };

enum {
	GW_CODINGS_MAX = 2,          /* one upon the other */
	GW_DECODED_PIECE = 64 << 10, /* of one gw_decoder_feed, bytes */
	GW_DECODED_FREE = 4 << 20,   /* bytes that no ratio is asked of */
	GW_DECODED_RATIO = 200,      /* decoded to coded, beyond these */
	GW_ZSTD_WINDOW_LOG = 23      /* 8 MB */
};

/* In the order in which they were applied; none: the body is plain. */
struct gw_codings {
	enum gw_coding of[GW_CODINGS_MAX];
	size_t n;
};

/*
 * Adds those of one field's value. -1: ERR_REFUSED, one is not known or they are too many.
 * "identity" and empty elements count for nothing.
 */
int gw_codings_add(struct gw_codings *c, struct str value, struct err *e);

/* Those of all Content-Encoding fields of a block of lines (head.h). */
int gw_codings_read(struct gw_codings *c, struct str fields, struct err *e);

struct gw_decoder;

/* max: ceiling of what comes out in all, bytes. */
struct gw_decoder *gw_decoder_new(const struct gw_codings *c, uint64_t max, bool exact);
void gw_decoder_free(struct gw_decoder *d);

/*
 * Takes from the front of in and adds to out, which must have room for GW_DECODED_PIECE
 * bytes. 1: call again, with what is left of in (which may be nothing). 0: all of in was
 * taken and there is no more to come from it. -1: ERR_DATA, damaged or above a ceiling; what
 * stood before the damage is in out, however the bytes were split.
 */
int gw_decoder_feed(struct gw_decoder *d, struct str *in, struct buf *out, struct err *e);
/* No more will come. -1: something is missing. */
int gw_decoder_end(const struct gw_decoder *d, struct err *e);

/* A whole body into out, whose ceiling holds. */
int gw_decode(const struct gw_codings *c, bool exact, struct str in, struct buf *out,
	struct err *e);

#endif
