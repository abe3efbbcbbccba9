#ifndef GATEWAY_JUDGE_H
#define GATEWAY_JUDGE_H

/*
 * What both dialects share: a tool named on the wire becomes a case, the policy decides it,
 * the finding is told, and the caller learns whether to keep, change or refuse.
 */

#include "gateway/enforce.h"
#include "base/jscan.h"

/* How a refusal ends that is not about one tool (that one's is in pol_refusal). */
#define GW_SEE_LOGS " Run 'pando-ai logs' to see the decision."
#define GW_SEE_SETTINGS                                                                  \
	" Run 'pando-ai logs' to see the decision, 'pando-ai policy show' to see where " \
	"the setting comes from."

struct gw_judge {
	enum gw_api api;
	const struct gw_rules *rules;
	const struct gw_sink *sink;
};

/* A decoded name, kept after its text is gone. */
struct gw_name {
	char s[GW_NAME_MAX];
	size_t n;
};

static inline struct str
gw_str(const struct gw_name *n)
{
	return (struct str){ n->s, n->n };
}

/* An absent value is an empty name. -1: no string, too long, or not a text. */
int gw_name_read(struct js v, struct gw_name *n, struct err *e);

struct gw_case {
	const char *what; /* of struct gw_finding */
	struct pol_use use;
	struct pol_decision decision;
	struct str call_id, args; /* args as they are told */
	bool remote;  /* of a server at the provider, which must not bear a Pando name */
	bool garbled; /* a call's arguments are none that a tool takes: it never passes */
};

/* What a case is about before its tool is known. */
static inline struct gw_case
gw_case_of(const char *what)
{
	return (struct gw_case){ .what = what, .call_id = STR(""), .args = STR("") };
}

static inline struct pol_use
gw_use(const struct gw_judge *j, struct str server, struct str tool)
{
	return (struct pol_use){
		.agent = j->rules->agent, .server = server, .tool = tool
	};
}

/* What a call's arguments may be; else it is garbled. Absent ones are not known. */
enum gw_args {
	GW_ARGS_OBJECT, /* an object */
	GW_ARGS_TEXT,   /* or a string: a free text */
	GW_ARGS_ANY, /* of the provider's own tools: what is not an object is not known */
};

/* v: a checked value, or JS_NONE with a text that is no JSON. Behind the choice of c->use. */
void gw_case_take_args(struct gw_case *c, struct js v, enum gw_args want);
/* Pure: decides c->use. */
void gw_case_decide(const struct gw_judge *j, struct gw_case *c, enum pol_asking asking);
/* Decided without the policy: rule and message are constants. */
void gw_case_deny(struct gw_case *c, const char *rule, const char *message);
/* Of a call that would pass, but for arguments that are none. */
void gw_case_deny_garbled(struct gw_case *c);
bool gw_case_is_off(const struct gw_case *c);

/*
 * A part of a request that policy decided: 0 keep, 1 take out (told as done), -1 refuse the
 * request. What policy allows is not told.
 */
int gw_judge_part(const struct gw_judge *j, const struct gw_case *c, enum pol_react react,
	const char *done, struct err *e);
/*
 * A call in an answer: 0 let it pass, 1 replace it, -1 end the answer. Always told. Where a
 * limit stops what policy would let pass, c gets its decision.
 */
int gw_judge_call(const struct gw_judge *j, struct gw_case *c, struct err *e);
/* For a call that this answer has replaced already: true when a limit did, which c gets. */
bool gw_judge_again(const struct gw_judge *j, struct gw_case *c);
/* What could carry a call and is not understood: 0 passes (noted), -1 refused. */
int gw_judge_unknown(const struct gw_judge *j, struct str what, struct err *e);
/* The same with another reason: what it stands for cannot be seen here. */
int gw_judge_unseen(
	const struct gw_judge *j, struct str what, const char *why, struct err *e);
/* Tells that a whole request or answer was refused because it could not be read. */
void gw_tell_unread(const struct gw_judge *j, const char *what, const struct err *e);

/* What stands in the transcript in place of a call that was taken out. */
void gw_put_gone(struct buf *b, const struct gw_case *c);

/* A set of call ids. Copies them. */
enum { GW_IDS_MAX = 2 * GW_TOOLS_MAX };

struct gw_ids {
	char **slot; /* at most half of them are taken */
	size_t n, slots;
};

void gw_ids_fini(struct gw_ids *s); /* for CLEANUP too */
int gw_ids_add(struct gw_ids *s, struct str id, struct err *e);
bool gw_ids_have(const struct gw_ids *s, struct str id);

#endif
