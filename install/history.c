#include "install/history.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/json/json.h"
#include "base/mem.h"
#include "base/place.h"
#include "install/since.h"
#include "policy/files.h"

enum { SLOTS_FIRST = 1024, CALLS_FIRST = 256, ARGS_MAX = 1 << 20 };

/* --- which lines are calls ------------------------------------------------------------- */

/*
 * Not the offers and the transcript of each request, and not what was told of a call when it
 * was over.
 */
static bool
is_call_event(const char *event)
{
	static const char *const heads[] = { "gateway_call_", "hook_", "mcp_call_" };
	static const char *const others[] = { "hook_result", "mcp_call_failed" };
	bool is = false;

	for (size_t i = 0; i < LEN(heads); i++)
		is = is || strncmp(event, heads[i], strlen(heads[i])) == 0;
	for (size_t i = 0; i < LEN(others); i++)
		is = is && strcmp(event, others[i]) != 0;
	return is;
}

static bool
is_wanted(const json_t *j, const struct history_filter *f)
{
	const char *run = json_text_of(j, "run");
	int64_t at;

	if (f->run != NULL && (run == NULL || f->run[0] == '\0' ||
				      strncmp(run, f->run, strlen(f->run)) != 0))
		return false;
	return since_stamp(str_of(json_text_of(j, "ts")), &at) && at >= f->since_ms;
}

/* --- calls ---------------------------------------------------------------------------- */

static void
call_fini(struct past_call *c)
{
	free(c->run);
	free(c->call_id);
	free(c->root);
	free(c->server);
	free(c->tool);
	free(c->joined);
	free(c->args);
	free(c->args_sha256);
	free(c->rule);
	free(c->at);
	free(c->subagent);
}

void
history_fini(struct history *h)
{
	for (size_t i = 0; i < h->n; i++)
		call_fini(&h->call[i]);
	free(h->call);
	free(h->slot);
	*h = (struct history){ .call = NULL };
}

static char *
copy(const json_t *j, const char *key)
{
	const char *text = json_text_of(j, key);

	return mem_strdup(text == NULL ? "" : text);
}

static char *
copy_args(const json_t *j)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(ARGS_MAX);
	const json_t *args = json_object_get(j, "args");

	if (args == NULL)
		return NULL;
	json_put(&b, args);
	return b.over ? NULL : buf_take(&b);
}

static enum pol_caller
caller_of(const json_t *j)
{
	const struct str name = str_of(json_text_of(j, "caller"));

	if (str_is(name, pol_caller_name(POL_CALLER_MAIN)))
		return POL_CALLER_MAIN;
	return str_is(name, pol_caller_name(POL_CALLER_SUBAGENT)) ? POL_CALLER_SUBAGENT
								  : POL_CALLER_UNKNOWN;
}

static struct past_call
call_of(const json_t *j, enum pol_agent agent, enum pol_verdict verdict)
{
	const char *server = json_text_of(j, "server");
	const char *tool = json_text_of(j, "tool");

	return (struct past_call){
		.joined = tool == NULL && server != NULL ? mem_printf("mcp__%s", server)
							 : NULL,
		.run = copy(j, "run"),
		.call_id = copy(j, "call_id"),
		.root = copy(j, "root"),
		.server = copy(j, "server"),
		.tool = copy(j, "tool"),
		.args = copy_args(j),
		.args_sha256 = copy(j, "args_sha256"),
		.rule = copy(j, "rule"),
		.at = copy(j, "at"),
		.agent = agent,
		.verdict = verdict,
		.caller = caller_of(j),
		.subagent = copy(j, "subagent"),
	};
}

static void
swap(char **a, char **b)
{
	char *was = *a;

	*a = *b;
	*b = was;
}

/* The same call as another layer has it; c is used up. */
static void
merge(struct past_call *have, struct past_call *c)
{
	if (have->args == NULL)
		swap(&have->args, &c->args);
	if (have->args_sha256[0] == '\0')
		swap(&have->args_sha256, &c->args_sha256);
	if (have->caller == POL_CALLER_UNKNOWN)
		have->caller = c->caller;
	if (have->subagent[0] == '\0')
		swap(&have->subagent, &c->subagent);
	if (c->verdict > have->verdict) {
		have->verdict = c->verdict;
		swap(&have->rule, &c->rule);
		swap(&have->at, &c->at);
	}
	call_fini(c);
}

/* --- the hash of those with an id ------------------------------------------------------ */

/* Whoever could choose ids to make it slow could fill the log as well. */
static uint64_t
hash_of(const struct past_call *c)
{
	const char *const parts[] = { c->run, c->call_id, c->server, c->tool };
	uint64_t h = HASH_FIRST;

	for (size_t i = 0; i < LEN(parts); i++)
		h = hash_byte(hash_more(h, str_of(parts[i])), '\0');
	return h;
}

static bool
is_same(const struct past_call *a, const struct past_call *b)
{
	return strcmp(a->run, b->run) == 0 && strcmp(a->call_id, b->call_id) == 0 &&
	       strcmp(a->server, b->server) == 0 && strcmp(a->tool, b->tool) == 0;
}

/* The slot of the call, or the free one where it belongs. */
static uint32_t *
find(const struct history *h, const struct past_call *c)
{
	size_t i = hash_of(c) & (h->nslots - 1);

	while (h->slot[i] != 0 && !is_same(&h->call[h->slot[i] - 1], c))
		i = (i + 1) & (h->nslots - 1);
	return &h->slot[i];
}

static void
grow_slots(struct history *h)
{
	free(h->slot);
	h->nslots = h->nslots == 0 ? SLOTS_FIRST : 2 * h->nslots;
	h->slot = mem_alloc(h->nslots * sizeof *h->slot);
	for (size_t i = 0; i < h->n; i++)
		if (h->call[i].call_id[0] != '\0')
			*find(h, &h->call[i]) = (uint32_t)i + 1;
}

static int
keep(struct history *h, struct past_call *c, struct err *e)
{
	uint32_t *slot = NULL;

	if (2 * (h->n + 1) > h->nslots)
		grow_slots(h);
	if (c->call_id[0] != '\0') {
		slot = find(h, c);
		if (*slot != 0) {
			merge(&h->call[*slot - 1], c);
			return 0;
		}
	}
	if (h->n == HISTORY_CALLS_MAX) {
		call_fini(c);
		return err_set(e, ERR_DATA,
			"the log has more than %d calls: choose some with --since",
			HISTORY_CALLS_MAX);
	}
	if (h->n == h->cap) {
		h->cap = h->cap == 0 ? CALLS_FIRST : 2 * h->cap;
		h->call = mem_grow(h->call, h->cap * sizeof *h->call);
	}
	h->call[h->n++] = *c;
	if (slot != NULL)
		*slot = (uint32_t)h->n;
	return 0;
}

/* --- lines ---------------------------------------------------------------------------- */

int
history_add(
	struct history *h, struct str line, const struct history_filter *f, struct err *e)
{
	struct err unread = ERR_INIT; /* it is counted */
	CLEANUP(json_freep) json_t *j = json_parse(line, &unread);
	const char *event = json_text_of(j, "event");
	const bool has_name = json_text_of(j, "tool") != NULL ||
			      json_text_of(j, "server") != NULL;
	enum pol_agent agent;
	enum pol_verdict verdict;
	struct past_call c;

	h->lines++;
	if (event == NULL)
		h->unread++;
	if (event == NULL || !is_call_event(event) || !has_name || !is_wanted(j, f) ||
		!pol_agent_from(str_of(json_text_of(j, "agent")), &agent) ||
		!pol_verdict_from(str_of(json_text_of(j, "verdict")), &verdict))
		return 0;
	c = call_of(j, agent, verdict);
	return keep(h, &c, e);
}

/* --- arguments by their hash ----------------------------------------------------------- */

static int
compare_sha(const void *x, const void *y)
{
	const struct past_call *const *a = x;
	const struct past_call *const *b = y;

	return strcmp((*a)->args_sha256, (*b)->args_sha256);
}

/*
 * What one line kept holds for each other with the same hash, and no arguments at all need
 * not be kept to be known.
 */
static void
fill_args(struct history *h)
{
	CLEANUP(mem_freep)
	struct past_call **known = mem_alloc((h->n + 1) * sizeof(struct past_call *));
	char none[REC_SHA_HEX + 1];
	size_t n = 0;

	rec_sha256(STR("{}"), none);
	for (size_t i = 0; i < h->n; i++) {
		struct past_call *c = &h->call[i];

		if (c->args == NULL && strcmp(c->args_sha256, none) == 0)
			c->args = mem_strdup("{}");
		if (c->args != NULL && c->args_sha256[0] != '\0')
			known[n++] = c;
	}
	qsort(known, n, sizeof(struct past_call *), compare_sha);
	for (size_t i = 0; i < h->n && n > 0; i++) {
		struct past_call *c = &h->call[i];
		struct past_call *const *same =
			c->args != NULL || c->args_sha256[0] == '\0'
				? NULL
				: bsearch(&c, known, n, sizeof(struct past_call *),
					  compare_sha);

		if (same != NULL)
			c->args = mem_strdup((*same)->args);
	}
}

static int
load_file(struct history *h, const struct rec_file *file, const struct history_filter *f,
	struct err *e)
{
	CLEANUP(rec_reader_fini)
	struct rec_reader r = rec_reader_at(file->fd, 0, file->size);
	struct str line;
	int got;

	while ((got = rec_reader_next(&r, &line, e)) == 1)
		if (history_add(h, line, f, e) < 0)
			return -1;
	return got < 0 ? err_wrap(e, "%s", file->path) : 0;
}

int
history_load(struct history *h, const char *path, const struct history_filter *f,
	struct err *e)
{
	CLEANUP(rec_files_close) struct rec_files files = REC_FILES_INIT;
	CLEANUP(mem_freep)
	char *log = path == NULL ? place_decision_log(e) : mem_strdup(path);

	if (log == NULL || rec_files_open(&files, log, e) < 0)
		return -1;
	if (path != NULL && files.n == 0)
		return err_set(e, ERR_DATA, "there is no decision log %s", path);
	for (size_t i = 0; i < files.n; i++)
		if (load_file(h, &files.at[i], f, e) < 0)
			return -1;
	fill_args(h);
	return 0;
}

struct pol_use
history_use(const struct policy *p, const struct past_call *c)
{
	struct pol_use u = {
		.agent = c->agent, .server = str_of(c->server), .tool = str_of(c->tool)
	};

	if (p != NULL && c->joined != NULL)
		u = pol_use_of_joined(p, c->agent, str_of(c->joined));
	u.asking = POL_CALL;
	u.args = str_of(c->args);
	u.caller = c->caller == POL_CALLER_UNKNOWN ? POL_CALLER_MAIN : c->caller;
	u.subagent = str_of(c->subagent);
	return u;
}
