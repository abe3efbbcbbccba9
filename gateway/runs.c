#include "gateway/runs.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"
#include "base/path.h"
#include "base/place.h"
#include "gateway/process.h"
#include "policy/layers.h"

enum { US_PER_MS = 1000 };

static bool
is_hex(const char *z, size_t n)
{
	return z != NULL && strlen(z) == n && strspn(z, "0123456789abcdef") == n;
}

bool
gw_run_id_is_sound(const char *id)
{
	return is_hex(id, ID_HEX);
}

void
gw_runs_init(struct gw_runs *all, struct event_base *base,
	void (*on_ended)(struct gw_reg *r, void *to), void *to)
{
	*all = (struct gw_runs){ .base = base, .on_ended = on_ended, .to = to };
	LIST_INIT(&all->head);
	all->memory = (struct quota){ .max = GW_MEMORY_MAX };
	all->policies = gw_policies_new(base, all);
}

static void
reg_free(struct gw_reg *r)
{
	if (r == NULL)
		return;
	if (r->ended != NULL)
		event_free(r->ended);
	if (r->flush != NULL)
		event_free(r->flush);
	fd_closep(&r->pidfd);
	fd_closep(&r->ledger);
	gw_budget_fini(&r->budget);
	rec_close(&r->log);
	gw_witnesses_fini(&r->witnesses);
	pol_free(r->policy);
	free(r->agent_version);
	free(r->root);
	free(r->policy_path);
	free(r->upstream);
	gw_seen_fini(&r->seen);
	explicit_bzero(&r->token, sizeof r->token);
	free(r);
}

static void
reg_freep(struct gw_reg **r)
{
	reg_free(*r);
}

void
gw_runs_drop(struct gw_reg *r)
{
	LIST_REMOVE(r, link);
	r->all->n--;
	reg_free(r);
}

void
gw_runs_fini(struct gw_runs *all)
{
	for (struct gw_reg *r = LIST_FIRST(&all->head), *next; r != NULL; r = next) {
		next = LIST_NEXT(r, link);
		gw_runs_drop(r);
	}
	gw_policies_free(all->policies);
	all->policies = NULL;
}

static void
on_process_end(evutil_socket_t fd, short what, void *arg)
{
	struct gw_reg *r = arg;

	(void)fd; /* it is r->pidfd */
	(void)what;
	r->all->on_ended(r, r->all->to);
	gw_runs_drop(r);
}

static void
on_flush(evutil_socket_t fd, short what, void *arg)
{
	struct gw_reg *r = arg;
	struct err e = ERR_INIT;

	(void)fd;
	(void)what;
	if (rec_flush(&r->log, &e) < 0)
		log_error("run %s: %s", r->id, e.text);
	if (r->on_flushed != NULL)
		r->on_flushed(r);
}

void
gw_reg_flush_soon(struct gw_reg *r)
{
	const struct timeval soon = { 0, (long)GW_FLUSH_MS * US_PER_MS };

	if (event_pending(r->flush, EV_TIMEOUT, NULL) == 0)
		(void)event_add(r->flush, &soon); /* else with the next line */
}

void
gw_reg_flush_next(struct gw_reg *r, void (*on_flushed)(struct gw_reg *r))
{
	r->on_flushed = on_flushed;
	event_active(r->flush, EV_TIMEOUT, 0);
}

static bool
is_text(const char *z, size_t max)
{
	return z != NULL && z[0] != '\0' && strlen(z) <= max;
}

static int
check_fields(struct gw_runs *all, const struct gw_register *w, struct err *e)
{
	if (!gw_run_id_is_sound(w->run))
		return err_set(
			e, ERR_DATA, "register: \"run\" must be %d hex digits", ID_HEX);
	if (!is_text(w->agent_version, GW_VERSION_MAX) ||
		!is_text(w->root, GW_PATH_MAX) || !path_is_absolute(w->root))
		return err_set(e, ERR_DATA,
			"register: want \"agent_version\" and an absolute \"root\"");
	if (w->policy != NULL &&
		(!is_text(w->policy, GW_PATH_MAX) || !path_is_absolute(w->policy)))
		return err_set(
			e, ERR_DATA, "register: \"policy\" must be an absolute path");
	if (w->log != NULL &&
		(!is_text(w->log, GW_PATH_MAX) || !path_is_absolute(w->log)))
		return err_set(e, ERR_DATA, "register: \"log\" must be an absolute path");
	if (!is_hex(w->policy_sha256, REC_SHA_HEX))
		return err_set(e, ERR_DATA, "register: want \"policy_sha256\"");
	if (gw_runs_named(all, w->run) != NULL)
		return err_set(e, ERR_DATA, "register: run %s is there already", w->run);
	if (all->n >= GW_RUNS_MAX)
		return err_set(e, ERR_GATEWAY, "%d agents run already: end one of them",
			GW_RUNS_MAX);
	return 0;
}

static int
load_policy(struct gw_reg *r, const struct gw_register *w, struct err *e)
{
	const char *root;

	r->policy = w->policy != NULL ? pol_bundle_load(w->policy, w->policy_sha256, e)
				      : pol_default();
	if (r->policy == NULL)
		return -1;
	if (strcmp(pol_digest(r->policy), w->policy_sha256) != 0)
		return err_set(e, ERR_POLICY,
			"the policy of the launch is not the built-in one");
	root = pol_root(r->policy);
	if (root != NULL && strcmp(root, w->root) != 0)
		return err_set(e, ERR_POLICY, "%s: the policy of a run in %s, not in %s",
			w->policy, root, w->root);
	return 0;
}

static int
watch(struct gw_reg *r, struct event_base *base, struct err *e)
{
	r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
	if (r->pidfd < 0)
		return err_sys(e, "watch process %d", (int)r->pid);
	/* asked again: now the number cannot come to mean another process unnoticed */
	if (r->start == 0 || gw_process_start(r->pid) != r->start)
		return err_set(e, ERR_SYS, "watch process %d: it is gone", (int)r->pid);
	r->ended = event_new(base, r->pidfd, EV_READ, on_process_end, r);
	r->flush = event_new(base, -1, 0, on_flush, r);
	if (r->flush == NULL || r->ended == NULL || event_add(r->ended, NULL) < 0)
		return err_set(e, ERR_SYS, "watch process %d: no event", (int)r->pid);
	return 0;
}

static int
open_log(struct gw_reg *r, const struct gw_register *w, struct err *e)
{
	CLEANUP(mem_freep) char *usual = NULL;

	if (w->log != NULL)
		return rec_open(&r->log, w->log, pol_log_of(r->policy), e);
	usual = place_decision_log(e);
	return usual == NULL ? -1 : rec_open(&r->log, usual, pol_log_of(r->policy), e);
}

/* What is known of the process, and its token; NULL: a new one. */
struct owner {
	pid_t pid;
	uint64_t start;
	const struct secret *token;
};

static struct gw_reg *
add(struct gw_runs *all, const struct gw_register *w, const struct owner *o,
	struct err *e)
{
	CLEANUP(reg_freep) struct gw_reg *r = mem_alloc(sizeof *r);
	struct gw_reg *got;

	r->all = all;
	r->pid = o->pid;
	r->start = o->start;
	r->pidfd = r->log.fd = r->ledger = -1;
	LIST_INIT(&r->conns);
	LIST_INIT(&r->telling);
	r->memory = (struct quota){ .of = &all->memory, .max = GW_SHARE_MAX };
	if (check_fields(all, w, e) < 0)
		return NULL;
	if (w->agent == NULL || !pol_agent_from(str_of(w->agent), &r->agent)) {
		(void)err_set(e, ERR_DATA, "register: \"agent\" must be claude or codex");
		return NULL;
	}
	memcpy(r->id, w->run, sizeof r->id);
	r->agent_version = mem_strdup(w->agent_version);
	r->root = mem_strdup(w->root);
	r->policy_path = w->policy != NULL ? mem_strdup(w->policy) : NULL;
	if (load_policy(r, w, e) < 0 || open_log(r, w, e) < 0)
		return NULL;
	if (o->token != NULL)
		r->token = *o->token;
	else if (secret_new(&r->token, e) < 0)
		return NULL;
	if (watch(r, all->base, e) < 0)
		return NULL;
	LIST_INSERT_HEAD(&all->head, r, link);
	all->n++;
	gw_policies_begin(all->policies, r);
	got = r;
	r = NULL;
	return got;
}

struct gw_reg *
gw_runs_add(struct gw_runs *all, const struct gw_register *w, pid_t pid, struct err *e)
{
	/* its peer is waiting for us, so the number still means that process */
	const struct owner o = { .pid = pid, .start = gw_process_start(pid) };

	return add(all, w, &o, e);
}

struct gw_reg *
gw_runs_restore(struct gw_runs *all, const char *id, const struct gw_record *former,
	struct err *e)
{
	const struct owner o = { former->pid, former->start, &former->token };
	const struct gw_register w = { .run = id,
		.agent = former->agent,
		.agent_version = former->agent_version,
		.root = former->root,
		.policy = former->policy,
		.policy_sha256 = former->policy_sha256,
		.log = former->log };

	return add(all, &w, &o, e);
}

struct gw_reg *
gw_runs_named(struct gw_runs *all, const char *id)
{
	struct gw_reg *r;

	LIST_FOREACH(r, &all->head, link)
	if (strcmp(r->id, id) == 0)
		return r;
	return NULL;
}

struct gw_reg *
gw_runs_find(struct gw_runs *all, struct str token)
{
	struct gw_reg *r, *found = NULL;

	LIST_FOREACH(r, &all->head, link)
	if (secret_is(&r->token, token))
		found = r;
	return found;
}

struct rec_who
gw_reg_who(const struct gw_reg *r)
{
	return (struct rec_who){
		.run = r->id,
		.agent = pol_agent_name(r->agent),
		.agent_version = r->agent_version,
		.root = r->root,
	};
}

const char *
gw_reg_upstream(const struct gw_reg *r, enum pol_provider to)
{
	return r->upstream != NULL ? r->upstream : pol_upstream(r->policy, to);
}
