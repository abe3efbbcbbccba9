#include "gateway/coding.h"

#define ZLIB_CONST /* zlib.h: next_in is const */

#include <brotli/decode.h>
#include <inttypes.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/log.h"
#include "gateway/head.h"
#include "gateway/word.h"

enum {
	MIDDLE = 16 << 10, /* between two codings, bytes */
	ZLIB_HEADER = 2,   /* RFC 1950, 2.2 */
	WINDOW_BITS = 15,
	WITH_GZIP = 16,        /* zlib.h, inflateInit2 */
	ZLIB_AT_ONCE = 1 << 30 /* its counts have 32 bits */
};

/* One coding. */
struct stage {
	enum gw_coding coding;
	bool exact;
	bool begun; /* the library's state is there */
	bool ended; /* a member or frame is complete, and nothing follows yet */
	bool full;  /* it had no room left: more may come without more to read */
	union {
		z_stream z;
		BrotliDecoderState *br;
		ZSTD_DStream *zs;
	} u;
	unsigned char first[ZLIB_HEADER]; /* of deflate, until its form is known */
	size_t nfirst;
	uint64_t made; /* bytes */
};

struct gw_decoder {
	struct stage stage[GW_CODINGS_MAX]; /* the outermost first */
	size_t n;
	uint64_t max;
	uint64_t taken;   /* coded bytes */
	char *middle;     /* made by the first stage, not taken by the second */
	struct str ready; /* a range of it */
};

/* A range to fill. */
struct room {
	char *p;
	size_t n;
};

static const struct {
	const char *name;
	enum gw_coding coding;
} names[] = {
	{ "gzip", GW_GZIP },
	{ "x-gzip", GW_GZIP }, /* the same (RFC 9110, 8.4.1.3) */
	{ "deflate", GW_DEFLATE },
	{ "br", GW_BROTLI },
	{ "zstd", GW_ZSTD },
};

static const char *const coding_name[GW_CODING_KINDS + 1] = { "gzip", "deflate", "br",
	"zstd", "" };

/* --- the field -------------------------------------------------------------------- */

static int
add(struct gw_codings *c, struct str name, struct err *e)
{
	char quoted[LOG_QUOTED_MAX];

	for (size_t i = 0; i < LEN(names); i++) {
		if (!gw_word_is(name, str_of(names[i].name)))
			continue;
		if (c->n == GW_CODINGS_MAX)
			return err_set(e, ERR_REFUSED,
				"more than %d codings, one upon the other, in "
				"Content-Encoding",
				GW_CODINGS_MAX);
		c->of[c->n++] = names[i].coding;
		return 0;
	}
	return err_set(e, ERR_REFUSED,
		"Content-Encoding \"%s\" is not known; gzip, deflate, br and zstd are",
		log_quoted(name, quoted));
}

int
gw_codings_add(struct gw_codings *c, struct str value, struct err *e)
{
	while (value.n > 0) {
		const struct str name = gw_trim(gw_cut(&value, ','));

		if (name.n > 0 && !gw_word_is(name, STR("identity")) &&
			add(c, name, e) < 0)
			return -1;
	}
	return 0;
}

int
gw_codings_read(struct gw_codings *c, struct str fields, struct err *e)
{
	struct str name, value;

	*c = (struct gw_codings){ .n = 0 };
	while (gw_head_next(&fields, &name, &value))
		if (gw_word_is(name, STR("content-encoding")) &&
			gw_codings_add(c, value, e) < 0)
			return -1;
	return 0;
}

/* --- one coding ------------------------------------------------------------------- */

static int
damaged(const struct stage *s, const char *why, struct err *e)
{
	return err_set(e, ERR_DATA, "the %s data is damaged: %s", coding_name[s->coding],
		why != NULL ? why : "it cannot be read");
}

static int
begin_zlib(struct stage *s, int bits, struct err *e)
{
	s->u.z = (z_stream){ .next_in = NULL };
	if (inflateInit2(&s->u.z, bits) != Z_OK)
		return damaged(s, "zlib does not start", e);
	s->begun = true;
	return 0;
}

/* CMF and FLG (RFC 1950, 2.2): method 8, a window of at most 32 KB, a multiple of 31. */
static bool
is_zlib_header(const unsigned char *p)
{
	return (p[0] & 0x0f) == 8 && p[0] >> 4 <= 7 && ((p[0] << 8) | p[1]) % 31 == 0;
}

/* Inflates from *in; what is left of it and of room tells how far it came. */
static int
run_zlib(struct stage *s, struct str *in, struct room *room, struct err *e)
{
	const size_t n = in->n < ZLIB_AT_ONCE ? in->n : ZLIB_AT_ONCE;
	z_stream *z = &s->u.z;
	int rc;

	z->next_in = (z_const Bytef *)in->p;
	z->avail_in = (uInt)n;
	z->next_out = (Bytef *)room->p;
	z->avail_out = (uInt)room->n;
	rc = inflate(z, Z_SYNC_FLUSH);
	*in = str_skip(*in, n - z->avail_in);
	*room = (struct room){ (char *)z->next_out, z->avail_out };
	s->ended = rc == Z_STREAM_END;
	if (rc == Z_NEED_DICT)
		return damaged(s, "it needs a dictionary", e);
	return rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR
		       ? 0
		       : damaged(s, z->msg, e);
}

/* Its first two bytes tell the form: most say zlib, some servers send deflate alone. */
static int
begin_deflate(struct stage *s, struct str *in, struct room *room, struct err *e)
{
	struct str first = { (const char *)s->first, ZLIB_HEADER };

	while (s->nfirst < ZLIB_HEADER && in->n > 0) {
		s->first[s->nfirst++] = (unsigned char)in->p[0];
		*in = str_skip(*in, 1);
	}
	if (s->nfirst < ZLIB_HEADER)
		return 0;
	if (!is_zlib_header(s->first) && s->exact)
		return damaged(s, "it has no zlib header", e);
	if (begin_zlib(s, is_zlib_header(s->first) ? WINDOW_BITS : -WINDOW_BITS, e) < 0)
		return -1;
	/* two bytes make at most a few: they find room, and are taken whole unless
	 * deflate ends in the first */
	if (run_zlib(s, &first, room, e) < 0)
		return -1;
	return first.n > 0 ? damaged(s, "more follows its end", e) : 0;
}

static int
run_brotli(struct stage *s, struct str *in, struct room *room, struct err *e)
{
	const uint8_t *from = (const uint8_t *)in->p;
	uint8_t *to = (uint8_t *)room->p;
	size_t left = in->n;
	BrotliDecoderResult rc = BrotliDecoderDecompressStream(
		s->u.br, &left, &from, &room->n, &to, NULL);

	*in = str_skip(*in, in->n - left);
	room->p = (char *)to;
	s->ended = rc == BROTLI_DECODER_RESULT_SUCCESS;
	if (rc == BROTLI_DECODER_RESULT_ERROR)
		return damaged(s,
			BrotliDecoderErrorString(BrotliDecoderGetErrorCode(s->u.br)), e);
	return 0;
}

static int
run_zstd(struct stage *s, struct str *in, struct room *room, struct err *e)
{
	ZSTD_inBuffer from = { in->p, in->n, 0 };
	ZSTD_outBuffer to = { room->p, room->n, 0 };
	const size_t rc = ZSTD_decompressStream(s->u.zs, &to, &from);

	*in = str_skip(*in, from.pos);
	*room = (struct room){ room->p + to.pos, room->n - to.pos };
	s->ended = rc == 0;
	return ZSTD_isError(rc) ? damaged(s, ZSTD_getErrorName(rc), e) : 0;
}

static int
begin(struct stage *s, struct str *in, struct room *room, struct err *e)
{
	switch (s->coding) {
	case GW_GZIP:
		return begin_zlib(s, WINDOW_BITS + WITH_GZIP, e);
	case GW_DEFLATE:
		return begin_deflate(s, in, room, e);
	case GW_BROTLI:
		/* large windows stay off, which is the library's default */
		s->u.br = BrotliDecoderCreateInstance(NULL, NULL, NULL);
		s->begun = s->u.br != NULL;
		break;
	case GW_ZSTD:
		s->u.zs = ZSTD_createDStream();
		s->begun = s->u.zs != NULL;
		if (s->begun && ZSTD_isError(ZSTD_DCtx_setParameter(s->u.zs,
					ZSTD_d_windowLogMax, GW_ZSTD_WINDOW_LOG)))
			return damaged(s, "its window cannot be limited", e);
		break;
	case GW_CODING_KINDS:
		break;
	}
	return s->begun ? 0 : damaged(s, "its library does not start", e);
}

/* What follows a complete member or frame. */
static int
go_on(struct stage *s, struct err *e)
{
	const bool many = s->coding == GW_GZIP || s->coding == GW_ZSTD;

	if (s->exact || !many)
		return damaged(s, "more follows its end", e);
	if (s->coding == GW_GZIP && inflateReset(&s->u.z) != Z_OK)
		return damaged(s, s->u.z.msg, e);
	s->ended = false;
	return 0;
}

static int
step(struct stage *s, struct str *in, struct room *room, struct err *e)
{
	if (s->ended && in->n > 0 && go_on(s, e) < 0)
		return -1;
	if (!s->begun && begin(s, in, room, e) < 0)
		return -1;
	if (!s->begun || s->ended)
		return 0;
	switch (s->coding) {
	case GW_GZIP:
	case GW_DEFLATE:
		return run_zlib(s, in, room, e);
	case GW_BROTLI:
		return run_brotli(s, in, room, e);
	case GW_ZSTD:
		return run_zstd(s, in, room, e);
	case GW_CODING_KINDS:
		break;
	}
	return 0;
}

/*
 * Fills room as far as in goes; *made is what it got. After it either room is full, or in is
 * empty and nothing more comes from it.
 */
static int
stage_run(struct stage *s, struct str *in, struct room room, size_t *made, struct err *e)
{
	const char *const begin_of_room = room.p;
	size_t before;
	int rc;

	*made = 0;
	if (in->n == 0 && !s->full)
		return 0; /* zstd takes many calls without progress for an error */
	do {
		before = in->n + room.n;
		rc = step(s, in, &room, e);
	} while (rc == 0 && room.n > 0 && in->n > 0 && in->n + room.n < before);
	*made = (size_t)(room.p - begin_of_room);
	s->made += *made;
	s->full = room.n == 0;
	if (rc < 0)
		return -1;
	if (room.n > 0 && in->n > 0)
		return damaged(s, "it does not go on", e);
	return 0;
}

/* --- all of them ------------------------------------------------------------------ */

struct gw_decoder *
gw_decoder_new(const struct gw_codings *c, uint64_t max, bool exact)
{
	struct gw_decoder *d = mem_alloc(sizeof *d);

	d->n = c->n;
	d->max = max;
	for (size_t i = 0; i < c->n; i++)
		d->stage[i] = (struct stage){
			.coding = c->of[c->n - 1 - i],
			.exact = exact,
		};
	return d;
}

static void
stage_fini(struct stage *s)
{
	if (!s->begun)
		return;
	switch (s->coding) {
	case GW_GZIP:
	case GW_DEFLATE:
		(void)inflateEnd(&s->u.z); /* fails for a state that is not one only */
		break;
	case GW_BROTLI:
		BrotliDecoderDestroyInstance(s->u.br);
		break;
	case GW_ZSTD:
		(void)ZSTD_freeDStream(s->u.zs); /* the same */
		break;
	case GW_CODING_KINDS:
		break;
	}
}

void
gw_decoder_free(struct gw_decoder *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->n; i++)
		stage_fini(&d->stage[i]);
	free(d->middle);
	free(d);
}

/* Of what any stage has made: an inner one may shrink again what the outer one blew up. */
static int
check_ceilings(const struct gw_decoder *d, struct err *e)
{
	for (size_t i = 0; i < d->n; i++) {
		const uint64_t made = d->stage[i].made;

		if (made > d->max)
			return err_set(e, ERR_DATA,
				"decoded it has more than the %" PRIu64 " bytes that the "
				"gateway takes",
				d->max);
		if (made > GW_DECODED_FREE && made / GW_DECODED_RATIO > d->taken)
			return err_set(e, ERR_DATA,
				"%" PRIu64
				" coded bytes became more than %d times as many",
				d->taken, GW_DECODED_RATIO);
	}
	return 0;
}

static int
fill_middle(struct gw_decoder *d, struct str *in, struct err *e)
{
	size_t made;

	if (d->middle == NULL)
		d->middle = mem_alloc(MIDDLE);
	if (stage_run(&d->stage[0], in, (struct room){ d->middle, MIDDLE }, &made, e) < 0)
		return -1;
	d->ready = (struct str){ d->middle, made };
	return 0;
}

/* The last stage, from the middle or from what came. */
static int
make_piece(struct gw_decoder *d, struct str *in, struct buf *out, struct err *e)
{
	struct stage *s = &d->stage[d->n - 1];
	struct room room = { buf_room(out, GW_DECODED_PIECE), GW_DECODED_PIECE };
	size_t made;
	int rc;

	if (room.p == NULL)
		return err_set(e, ERR_DATA, "there is no room for what is decoded");
	rc = stage_run(s, in, room, &made, e);
	out->n += made; /* before a damage, too */
	return rc;
}

int
gw_decoder_feed(struct gw_decoder *d, struct str *in, struct buf *out, struct err *e)
{
	const size_t before = in->n;
	struct str *from = d->n == 1 ? in : &d->ready;
	bool full = false;

	if (d->n == 0) {
		const size_t n = in->n < GW_DECODED_PIECE ? in->n : GW_DECODED_PIECE;

		buf_put(out, in->p, n);
		*in = str_skip(*in, n);
		return in->n > 0;
	}
	if (d->n > 1 && d->ready.n == 0 && fill_middle(d, in, e) < 0)
		return -1;
	if (make_piece(d, from, out, e) < 0)
		return -1;
	d->taken += before - in->n;
	for (size_t i = 0; i < d->n; i++)
		full = full || d->stage[i].full;
	if (check_ceilings(d, e) < 0)
		return -1;
	return full || in->n > 0 || d->ready.n > 0;
}

int
gw_decoder_end(const struct gw_decoder *d, struct err *e)
{
	for (size_t i = 0; i < d->n; i++)
		if (!d->stage[i].ended)
			return err_set(e, ERR_DATA, "the %s data is cut off",
				coding_name[d->stage[i].coding]);
	return 0;
}

int
gw_decode(const struct gw_codings *c, bool exact, struct str in, struct buf *out,
	struct err *e)
{
	CLEANUP(buf_fini) struct buf piece = BUF_INIT(GW_DECODED_PIECE);
	struct gw_decoder *d = gw_decoder_new(c, out->max - out->n, exact);
	int got = 1;

	while (got > 0) {
		buf_reset(&piece);
		got = gw_decoder_feed(d, &in, &piece, e);
		buf_put_str(out, buf_str(&piece));
	}
	if (got == 0)
		got = gw_decoder_end(d, e);
	gw_decoder_free(d);
	return got;
}
