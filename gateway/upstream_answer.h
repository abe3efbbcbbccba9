#ifndef GATEWAY_UPSTREAM_ANSWER_H
#define GATEWAY_UPSTREAM_ANSWER_H

/*
 * One answer of a provider over HTTP/1.1, from its bytes to its head and the pieces of its
 * body. Pure. For upstream_plain.c only.
 *
 *   HEAD -> BODY* -> DONE      each at most once but BODY; MORE: feed the next bytes
 *
 * Informational answers are skipped (RFC 9110, 15.2); 101 is refused, since no request here
 * asks for an upgrade. The same bytes in any pieces give the same head and the same body.
 */

#include "base/buf.h"
#include "gateway/h1.h"

enum { GW_INFORMATIONAL_MAX = 16 }; /* more of them before the answer are refused */

enum gw_got { GW_GOT_MORE, GW_GOT_HEAD, GW_GOT_BODY, GW_GOT_DONE, GW_GOT_BAD, GW_GOTS };

struct gw_answer {
	struct h1 head;
	struct h1_chunks chunks;
	struct buf held; /* a head that came in pieces, so far */
	uint64_t left;   /* of a body with a length */
	int skipped;     /* informational ones */
	bool to_head, in_body, ended;
	const char *why; /* after GW_GOT_BAD */
};

void gw_answer_init(struct gw_answer *a, bool to_head);
void gw_answer_fini(struct gw_answer *a);

/*
 * Takes from the front of *in. After GW_GOT_HEAD, a->head.status and ->lines are set until
 * the next call. After GW_GOT_BODY, *piece is part of what *in was. After GW_GOT_DONE, what
 * is left in *in does not belong to this answer.
 */
enum gw_got gw_answer_next(struct gw_answer *a, struct str *in, struct str *piece);
/* The connection has ended: GW_GOT_DONE when the answer has too, else GW_GOT_BAD. */
enum gw_got gw_answer_end(struct gw_answer *a);
/* Whether any byte of it has come. */
bool gw_answer_has_begun(const struct gw_answer *a);

#endif
