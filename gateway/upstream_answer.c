#include "gateway/upstream_answer.h"

enum { SWITCHING = 101, FIRST_FINAL = 200 };

void
gw_answer_init(struct gw_answer *a, bool to_head)
{
	*a = (struct gw_answer){ .held = BUF_INIT(H1_HEAD_MAX + 1), .to_head = to_head };
	h1_answer_init(&a->head, to_head);
}

void
gw_answer_fini(struct gw_answer *a)
{
	buf_fini(&a->held);
}

bool
gw_answer_has_begun(const struct gw_answer *a)
{
	return a->in_body || a->skipped > 0 || a->held.n > 0;
}

static enum gw_got
bad(struct gw_answer *a, const char *why)
{
	a->why = why;
	a->ended = true;
	return GW_GOT_BAD;
}

/*
 * A head that is whole in the bytes at hand is read where it is. Of one that is not, these
 * bytes are kept, and so they are used up.
 */
static enum h1_got
read_head(struct gw_answer *a, struct str *in)
{
	const size_t before = a->held.n;
	const size_t room = a->held.max - before;
	enum h1_got got;

	if (before == 0) {
		got = h1_head(&a->head, *in);
		if (got == H1_DONE)
			*in = str_skip(*in, a->head.size);
		if (got != H1_MORE)
			return got;
	}
	/* h1 refuses a head before it is longer than the buffer may get */
	buf_put(&a->held, in->p, in->n < room ? in->n : room);
	if (before == 0) {
		*in = str_skip(*in, in->n);
		return H1_MORE;
	}
	got = h1_head(&a->head, buf_str(&a->held));
	*in = str_skip(*in, got == H1_DONE ? a->head.size - before : in->n);
	return got;
}

static enum gw_got
next_of_head(struct gw_answer *a, struct str *in)
{
	while (in->n > 0) {
		const enum h1_got got = read_head(a, in);

		if (got == H1_BAD)
			return bad(a, a->head.why);
		if (got != H1_DONE)
			return GW_GOT_MORE;
		if (a->head.status >= FIRST_FINAL) {
			a->in_body = true;
			a->left = a->head.length;
			return GW_GOT_HEAD;
		}
		if (a->head.status == SWITCHING)
			return bad(a, "it switches protocols, which nobody asked for");
		if (++a->skipped > GW_INFORMATIONAL_MAX)
			return bad(a, "too many informational answers");
		buf_reset(&a->held);
		h1_answer_init(&a->head, a->to_head);
	}
	return GW_GOT_MORE;
}

static enum gw_got
done(struct gw_answer *a)
{
	a->ended = true;
	return GW_GOT_DONE;
}

static enum gw_got
next_of_length(struct gw_answer *a, struct str *in, struct str *piece)
{
	if (a->left == 0)
		return done(a);
	if (in->n == 0)
		return GW_GOT_MORE;
	*piece = (struct str){ in->p, in->n < a->left ? in->n : (size_t)a->left };
	a->left -= piece->n;
	*in = str_skip(*in, piece->n);
	return GW_GOT_BODY;
}

static enum gw_got
next_of_chunks(struct gw_answer *a, struct str *in, struct str *piece)
{
	switch (h1_chunk(&a->chunks, in, piece)) {
	case H1_DATA:
		return GW_GOT_BODY;
	case H1_DONE:
		return done(a);
	case H1_BAD:
		return bad(a, a->chunks.why);
	case H1_MORE:
	case H1_GOTS:
		break;
	}
	return GW_GOT_MORE;
}

enum gw_got
gw_answer_next(struct gw_answer *a, struct str *in, struct str *piece)
{
	if (a->ended)
		return a->why != NULL ? GW_GOT_BAD : GW_GOT_DONE;
	if (!a->in_body)
		return next_of_head(a, in);
	buf_fini(&a->held);
	switch (a->head.framing) {
	case H1_LENGTH:
		return next_of_length(a, in, piece);
	case H1_CHUNKED:
		return next_of_chunks(a, in, piece);
	case H1_UNTIL_CLOSE:
		if (in->n == 0)
			return GW_GOT_MORE;
		*piece = *in;
		*in = str_skip(*in, in->n);
		return GW_GOT_BODY;
	case H1_NO_BODY:
	case H1_FRAMINGS:
		break;
	}
	return done(a);
}

enum gw_got
gw_answer_end(struct gw_answer *a)
{
	if (a->ended)
		return a->why != NULL ? GW_GOT_BAD : GW_GOT_DONE;
	if (!a->in_body)
		return bad(a,
			gw_answer_has_begun(a)
				? "it closed the connection within the head of its answer"
				: "it closed the connection without an answer");
	if (a->head.framing == H1_UNTIL_CLOSE)
		return done(a);
	return bad(a, "it closed the connection within its answer");
}
