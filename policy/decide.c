#include "policy/policy.h"

#include "policy/glob.h"
#include "policy/index.h"
#include "policy/tables.h"

/*
 * Each file is asked for itself (ask_file), for each command of the line (decide_call), and the
 * answers of the files are put together (strictest). Arguments are looked at only when a rule
 * does (wants_rooms): then all is asked once more, with room for them. An offer has none: it is
 * asked for the mildest answer that some arguments could get (decide_offer).
 *
 * A file answers a call in two parts. `own` is what its first certain rule or its tables say.
 * `floor` is the strictest of the rules before it that could not be excluded: the call is at
 * least that, whoever speaks. A rule that loosens does not apply when it is not certain.
 */
struct answer {
	bool speaks, has_floor;
	struct pol_decision own, floor;
};

/* What a call's arguments need; large, so that decisions without it stay on small frames. */
struct rooms {
	struct arg_call call[POL_LAYERS];
	struct shortlist list[POL_LAYERS];
	struct arg_room shared;
};

struct ask {
	const struct policy *p;
	const struct pol_use *u;
	struct rooms *rooms; /* NULL: every argument is unknown */
	bool wants_rooms;    /* a rule on arguments was met, and they are given */
	bool met_unsure;     /* a rule that may match was met */
	bool optional; /* POL_OFFER: of the rules that may match, the mildest does */
};

static const char *
standard_message(enum pol_verdict v)
{
	static const char *const messages[POL_VERDICTS] = {
		[POL_ALLOW] = "a rule of the policy allows this",
		[POL_AUDITED] = "a rule of the policy allows this and notes it",
		[POL_ASK] = "a rule of the policy wants a person's yes for this",
		[POL_DENY] = "a rule of the policy denies this",
	};

	return messages[v];
}

static struct pol_decision
by_rule(const struct pol_file *f, const struct pol_rule *r, bool unsure)
{
	struct pol_decision d = pol_at_place(f, r->line, r->verdict, r->id,
		r->message != NULL ? r->message : standard_message(r->verdict));

	d.unsure = unsure;
	return d;
}

/* --- rules --------------------------------------------------------------------------- */

static enum cmd_match
match_caller(const struct pol_rule *r, const struct pol_use *u)
{
	const bool any = r->subagent != NULL && strcmp(r->subagent, "*") == 0;

	if (r->subagent == NULL)
		return CMD_YES;
	switch (u->caller) {
	case POL_CALLER_MAIN:
		return CMD_NO;
	case POL_CALLER_ELSEWHERE:
		/* who knows the caller leaves the question to us */
		return r->verdict == POL_ASK ? CMD_UNSURE : CMD_NO;
	case POL_CALLER_SUBAGENT:
		if (any)
			return CMD_YES;
		if (u->subagent.n == 0)
			return CMD_UNSURE;
		return glob_match(str_of(r->subagent), u->subagent) ? CMD_YES : CMD_NO;
	case POL_CALLER_UNKNOWN:
		break;
	}
	return CMD_UNSURE;
}

/* Server and tool have been compared already. c NULL: the arguments are not known. */
static enum cmd_match
match_rest(struct arg_call *c, const struct pol_use *u, const struct pol_rule *r,
	size_t command)
{
	enum cmd_match got = (r->agents & 1u << u->agent) != 0 ? match_caller(r, u)
							       : CMD_NO;

	for (size_t i = 0; i < r->nargs && got != CMD_NO; i++) {
		const enum cmd_match one = c == NULL ? CMD_UNSURE
						     : arg_match(c, &r->arg[i],
							       r->arg[i].key_id, command);

		got = one < got ? one : got;
	}
	return got;
}

static void
raise_floor(struct answer *a, const struct pol_decision *d)
{
	if (a->has_floor && d->verdict <= a->floor.verdict)
		return;
	a->has_floor = true;
	a->floor = *d;
}

static void
take_unsure(struct ask *k, struct answer *a, const struct pol_decision *d)
{
	k->met_unsure = true;
	if (k->u->asking == POL_CALL) {
		if (d->verdict > POL_ALLOW)
			raise_floor(a, d);
		return;
	}
	if (!k->optional || (a->speaks && a->own.verdict <= d->verdict))
		return;
	a->speaks = true;
	a->own = *d;
}

static void
take_certain(struct answer *a, const struct pol_decision *d)
{
	if (a->speaks && a->own.verdict <= d->verdict)
		return; /* a milder one may decide before it */
	a->speaks = true;
	a->own = *d;
}

/* The arguments are there, and a rule looks at them. */
static bool
needs_rooms(const struct ask *k)
{
	return k->rooms == NULL && k->u->asking == POL_CALL && k->u->args.p != NULL;
}

/* True when the rule decided for certain. */
static bool
ask_rule(struct ask *k, const struct pol_file *f, size_t number, size_t command,
	struct answer *a)
{
	const struct pol_rule *r = &f->rule[number];
	struct pol_decision d;
	enum cmd_match got;

	if (r->nargs > 0 && needs_rooms(k)) {
		k->wants_rooms = true;
		return true;
	}
	got = match_rest(
		k->rooms == NULL ? NULL : &k->rooms->call[f->layer], k->u, r, command);
	if (got == CMD_NO)
		return false;
	d = by_rule(f, r, got == CMD_UNSURE);
	if (got == CMD_YES)
		take_certain(a, &d);
	else
		take_unsure(k, a, &d);
	return got == CMD_YES;
}

static bool
ask_rules(struct ask *k, const struct pol_file *f, size_t command, struct answer *a)
{
	const struct shortlist *s = k->rooms == NULL ? NULL : &k->rooms->list[f->layer];
	struct index_walk w;

	for (size_t i = 0; s != NULL && !s->over && i < s->n; i++)
		if (ask_rule(k, f, s->rule[i], command, a))
			return true;
	if (s != NULL && !s->over)
		return false;
	index_walk_begin(&w, f, k->u);
	for (int64_t i; (i = index_walk_next(&w)) >= 0;)
		if (ask_rule(k, f, (size_t)i, command, a))
			return true;
	return false;
}

/* --- one file, all files ------------------------------------------------------------- */

static struct answer
ask_file(struct ask *k, const struct pol_file *f, size_t command)
{
	struct answer a = { .speaks = false };
	struct pol_decision d;

	if (ask_rules(k, f, command, &a) || !pol_ask_tables(f, k->u, &d))
		return a;
	take_certain(&a, &d);
	return a;
}

static void
stricter(struct pol_decision *best, bool *any, const struct pol_decision *d)
{
	if (!*any || d->verdict > best->verdict)
		*best = *d;
	*any = true;
}

/*
 * Managed file and person answer in the place of the built-in defaults; a project's file, and
 * a person's below a locked one, only beside them.
 */
static struct pol_decision
strictest(const struct ask *k, const struct answer a[POL_LAYERS])
{
	const struct pol_file *managed = k->p->file[POL_MANAGED];
	const bool locked = managed != NULL && managed->v.lock;
	struct pol_decision best = pol_built_in(k->u);
	bool any = !a[POL_MANAGED].speaks && (locked || !a[POL_USER].speaks);

	for (int l = POL_MANAGED; l < POL_LAYERS; l++) {
		if (a[l].has_floor)
			stricter(&best, &any, &a[l].floor);
		if (a[l].speaks)
			stricter(&best, &any, &a[l].own);
	}
	return best;
}

static void
ask_files(struct ask *k, size_t command, struct answer a[POL_LAYERS])
{
	for (int l = 0; l < POL_LAYERS; l++) {
		a[l] = (struct answer){ .speaks = false };
		if (k->p->file[l] != NULL)
			a[l] = ask_file(k, k->p->file[l], command);
	}
}

/* How often to ask: once for each command of the line that a rule reads. */
static size_t
count_commands(const struct ask *k)
{
	const struct arg_room *room = k->rooms == NULL ? NULL : &k->rooms->shared;

	return room != NULL && room->has_line && room->line.ncommands > 1
		       ? room->line.ncommands
		       : 1;
}

static struct pol_decision
decide_call(struct ask *k)
{
	struct answer a[POL_LAYERS];
	struct pol_decision best;

	ask_files(k, 0, a);
	best = strictest(k, a);
	for (size_t i = 1; i < count_commands(k) && best.verdict < POL_DENY; i++) {
		struct pol_decision d;

		ask_files(k, i, a);
		d = strictest(k, a);
		if (d.verdict > best.verdict)
			best = d;
	}
	return best;
}

/*
 * The mildest answer that some arguments get: in each file either the mildest of the rules that
 * may match does, or none of them.
 */
static struct pol_decision
decide_offer(struct ask *k)
{
	struct answer mild[POL_LAYERS];
	struct answer none[POL_LAYERS];
	struct pol_decision best;

	k->optional = true;
	ask_files(k, 0, mild);
	if (!k->met_unsure)
		return strictest(k, mild); /* as they would all be equal */
	k->optional = false;
	ask_files(k, 0, none);
	best = strictest(k, none);
	for (unsigned with = 1u << POL_MANAGED; with < 1u << POL_LAYERS;
		with += 1u << POL_MANAGED) {
		struct answer a[POL_LAYERS];
		struct pol_decision d;

		for (int l = 0; l < POL_LAYERS; l++)
			a[l] = (with >> l & 1) != 0 ? mild[l] : none[l];
		d = strictest(k, a);
		if (d.verdict < best.verdict)
			best = d;
	}
	return best;
}

static bool
has_no_tool(const struct pol_use *u, struct pol_decision *d)
{
	if (u->tool.n > 0 || !pol_is_pando(u->server))
		return false;
	*d = pol_at_place(NULL, 0, POL_DENY, "pando", "the name has no tool in it");
	return true;
}

static void
begin(struct ask *k, struct rooms *rooms)
{
	k->rooms = rooms;
	arg_room_begin(&rooms->shared);
	for (int l = 0; l < POL_LAYERS; l++) {
		struct arg_call *c = &rooms->call[l];
		const struct pol_file *f = k->p->file[l];

		arg_begin(c, k->u, k->p->root, &rooms->shared);
		if (f == NULL)
			continue;
		arg_read(c, f->index->key, f->index->nkeys);
		for (unsigned i = 0; i < f->index->nkeys; i++)
			if (f->index->is_command[i])
				arg_split(c, i);
		index_shorten(&rooms->list[l], f, c);
	}
}

static struct pol_decision __attribute__((noinline)) decide_with_arguments(struct ask *k)
{
	struct rooms rooms;

	begin(k, &rooms);
	return decide_call(k);
}

static struct pol_decision
decide_pair(const struct policy *p, const struct pol_use *u)
{
	struct ask k = { .p = p, .u = u };
	struct pol_decision d;

	if (has_no_tool(u, &d))
		return d;
	if (u->asking == POL_OFFER)
		return decide_offer(&k);
	d = decide_call(&k);
	return k.wants_rooms ? decide_with_arguments(&k) : d;
}

/*
 * The next pair that a name which was not taken apart can be, after one with such a server.
 * Pando's servers are always told from their tools.
 */
static bool
next_pair(const struct pol_use *whole, struct pol_use *pair)
{
	const struct str s = whole->server;

	for (size_t i = pair->server.n + 1; whole->joined && i + 1 < s.n; i++) {
		if (s.p[i] != '_' || s.p[i + 1] != '_')
			continue;
		pair->server.n = i;
		pair->tool = str_skip(s, i + 2);
		pair->joined = false;
		if (!pol_is_pando(pair->server))
			return true;
	}
	return false;
}

struct pol_decision
pol_decide(const struct policy *p, const struct pol_use *u)
{
	struct pol_use pair = *u;
	struct pol_decision best;

	if (u->server.n > POL_WIRE_NAME_MAX || u->tool.n > POL_WIRE_NAME_MAX)
		return pol_at_place(NULL, 0, POL_DENY, "pando", "the name is too long");

	pair.server.n = 0;
	if (!next_pair(u, &pair))
		return decide_pair(p, u);
	best = decide_pair(p, &pair);
	while (next_pair(u, &pair)) {
		const struct pol_decision d = decide_pair(p, &pair);

		if (d.verdict > best.verdict)
			best = d;
	}
	return best;
}

static bool
layer_of_pair(const struct policy *p, enum pol_layer l, const struct pol_use *u,
	struct pol_decision *d)
{
	struct ask k = { .p = p, .u = u, .optional = true };
	struct rooms rooms;
	bool any = false;

	if (l == POL_BUILT_IN) {
		if (!has_no_tool(u, d))
			*d = pol_built_in(u);
		return true;
	}
	if (p->file[l] == NULL)
		return false;
	begin(&k, &rooms);
	for (size_t i = 0; i < count_commands(&k); i++) {
		const struct answer a = ask_file(&k, p->file[l], i);

		if (a.has_floor)
			stricter(d, &any, &a.floor);
		if (a.speaks)
			stricter(d, &any, &a.own);
	}
	return any;
}

bool
pol_decide_layer(const struct policy *p, enum pol_layer l, const struct pol_use *u,
	struct pol_decision *d)
{
	struct pol_use pair = *u;
	bool any = false;

	pair.server.n = 0;
	if (!next_pair(u, &pair))
		return layer_of_pair(p, l, u, d);
	do {
		struct pol_decision one;

		if (layer_of_pair(p, l, &pair, &one))
			stricter(d, &any, &one);
	} while (next_pair(u, &pair));
	return any;
}

enum cmd_match
pol_rule_match(const struct pol_rule *r, const struct pol_use *u, const char *root)
{
	const struct policy none = { .root = (char *)(uintptr_t)root };
	struct ask k = { .p = &none, .u = u };
	const char *key[ARG_NAMES_MAX];
	enum cmd_match best = CMD_NO;
	enum cmd_match worst = CMD_YES;
	struct rooms rooms;
	struct arg_call *c = &rooms.call[POL_BUILT_IN];

	if (!index_names(r, u))
		return CMD_NO;
	begin(&k, &rooms);
	for (size_t i = 0; i < r->nargs; i++)
		key[i] = r->arg[i].key;
	arg_read(c, key, r->nargs);
	for (unsigned i = 0; i < r->nargs; i++)
		if (r->arg[i].is_command)
			arg_split(c, i);
	for (size_t command = 0; command < count_commands(&k); command++) {
		enum cmd_match got = match_caller(r, u);

		for (size_t i = 0; i < r->nargs && got != CMD_NO; i++) {
			const enum cmd_match one = arg_match(
				c, &r->arg[i], (unsigned)i, command);

			got = one < got ? one : got;
		}
		best = got > best ? got : best;
		worst = got < worst ? got : worst;
	}
	return r->verdict > POL_AUDITED ? best : worst;
}
