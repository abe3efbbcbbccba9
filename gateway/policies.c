#include "gateway/policies.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/log.h"
#include "base/path.h"
#include "gateway/runs.h"
#include "policy/layers.h"

enum {
	US_PER_MS = 1000,
	EVENTS_MAX = 4096, /* bytes read at a time */
	READS_MAX = 64,    /* such reads in one turn of the loop */
	NOTE_MAX = 4096,
	ABOVE = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |
		IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
	HERE = ABOVE | IN_MODIFY | IN_CLOSE_WRITE
};

static const char none[] = "none", unreadable[] = "unreadable";

struct gw_policies {
	struct gw_runs *runs;
	bool stopped;
	int fd; /* inotify; -1: there is none */
	struct event *told, *look;
	int watch
		[GW_POLICIES_WATCHES]; /* descriptors, for those that are not needed more */
	size_t nwatches;
};

/* --- looking ----------------------------------------------------------------------------- */

/* Whether the files as they are can be launched with; one answer for each root, of one look. */
struct answer {
	const char *root;
	struct err why;
	bool loads;
};

struct look {
	struct answer *all; /* as many as there are runs */
	size_t n;
};

static const struct answer *
ask_loads(struct look *k, const char *root)
{
	struct answer *a = &k->all[k->n];
	struct policy *p;

	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->all[i].root, root) == 0)
			return &k->all[i];
	a->root = root;
	p = pol_load_live(root, &a->why);
	a->loads = p != NULL;
	pol_free(p);
	k->n++;
	return a;
}

static void
state_of(enum pol_layer l, const char *root, char out[REC_SHA_HEX + 1])
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(POL_FILE_MAX);
	struct err why = ERR_INIT; /* loading it will tell */
	const int got = pol_layer_read(l, root, &text, &why);

	if (got > 0)
		rec_sha256(buf_str(&text), out);
	else
		memcpy(out, got == 0 ? none : unreadable,
			got == 0 ? sizeof none : sizeof unreadable);
}

static int
record(struct gw_reg *r, enum pol_layer l, const char *now, const struct answer *a)
{
	CLEANUP(buf_fini) struct buf note = BUF_INIT(NOTE_MAX);
	const struct rec_who who = gw_reg_who(r);
	struct rec rec = REC_INIT;
	struct err e = ERR_INIT;
	CLEANUP(mem_freep) char *path = pol_layer_path(l, r->root, &e);

	buf_printf(&note, "%s policy: %s -> %s; this run keeps what it started with; ",
		pol_layer_name(l), r->policy_state.seen[l], now);
	if (a->loads)
		buf_puts(&note, "new runs take it");
	else
		buf_printf(
			&note, "nothing is launched until it is mended: %s", a->why.text);
	rec.event = "gateway_policy_changed";
	rec.layer = "gateway";
	rec.file = path;
	rec.mode = pol_mode_name(pol_mode_of(r->policy, r->agent));
	rec.note = buf_str(&note);
	if (rec_write(&r->log, &who, &rec, &e) == 0)
		return 0;
	log_error("run %s: its policy was changed: %s", r->id, e.text);
	return -1;
}

static void
look_at(struct gw_reg *r, struct look *k)
{
	r->policy_state.looked_us = clock_mono_us();
	for (int i = POL_MANAGED; i < POL_LAYERS; i++) {
		const enum pol_layer l = (enum pol_layer)i;
		char now[REC_SHA_HEX + 1];

		state_of(l, r->root, now);
		/* what could not be told is told by the next look */
		if (strcmp(now, r->policy_state.seen[l]) != 0 &&
			record(r, l, now, ask_loads(k, r->root)) == 0)
			memcpy(r->policy_state.seen[l], now, sizeof now);
	}
}

/* --- watching ---------------------------------------------------------------------------- */

static bool
keeps(const struct gw_policies *p, int watch)
{
	for (size_t i = 0; i < p->nwatches; i++)
		if (p->watch[i] == watch)
			return true;
	return false;
}

static bool
watch_folder(struct gw_policies *p, const char *path, uint32_t what)
{
	const int watch = inotify_add_watch(p->fd, path, what | IN_MASK_ADD);

	if (watch < 0)
		return false;
	if (keeps(p, watch))
		return true;
	if (p->nwatches == GW_POLICIES_WATCHES) {
		(void)inotify_rm_watch(p->fd, watch);
		return false;
	}
	p->watch[p->nwatches++] = watch;
	return true;
}

/* The file's folder, and the one above, where it can come and go. */
static bool
watch_layer(struct gw_policies *p, enum pol_layer l, const char *root)
{
	struct err none_such = ERR_INIT; /* then it is looked at with each request */
	CLEANUP(mem_freep) char *path = pol_layer_path(l, root, &none_such);
	CLEANUP(mem_freep) char *dir = NULL;
	CLEANUP(mem_freep) char *above = NULL;

	if (path == NULL)
		return false;
	dir = path_dir(path);
	above = path_dir(dir);
	if (!watch_folder(p, above, ABOVE))
		return false;
	return watch_folder(p, dir, HERE) || access(dir, F_OK) < 0;
}

static void
watch_run(struct gw_policies *p, struct gw_reg *r)
{
	r->policy_state.watched = p->fd >= 0;
	for (int l = POL_MANAGED; l < POL_LAYERS && r->policy_state.watched; l++)
		r->policy_state.watched = watch_layer(p, (enum pol_layer)l, r->root);
}

/* Folders come and go, and runs do: what nobody needs any more is let go. */
static void
watch_anew(struct gw_policies *p)
{
	int former[GW_POLICIES_WATCHES];
	const size_t n = p->nwatches;
	struct gw_reg *r;

	memcpy(former, p->watch, n * sizeof *former);
	p->nwatches = 0;
	for (r = LIST_FIRST(&p->runs->head); r != NULL; r = LIST_NEXT(r, link))
		watch_run(p, r);
	for (size_t i = 0; i < n; i++)
		if (!keeps(p, former[i]))
			(void)inotify_rm_watch(p->fd, former[i]); /* it may be gone */
}

static void
look_soon(struct gw_policies *p)
{
	const struct timeval soon = { 0, (int64_t)GW_POLICIES_MS * US_PER_MS };

	if (p->look != NULL && !p->stopped && !evtimer_pending(p->look, NULL))
		(void)evtimer_add(p->look, &soon); /* the next event asks again */
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct gw_policies *p = arg;
	struct look k = { .all = mem_alloc((p->runs->n + 1) * sizeof *k.all) };
	struct gw_reg *r;

	(void)fd;
	(void)what;
	/* first, so that a change from here on wakes us again */
	if (p->fd >= 0)
		watch_anew(p);
	for (r = LIST_FIRST(&p->runs->head); r != NULL; r = LIST_NEXT(r, link))
		look_at(r, &k);
	free(k.all);
}

/* A name that any of the paths has; an event of a folder itself has none. */
static bool
is_about_us(const struct inotify_event *ev)
{
	static const char *const names[] = { "policy.toml", ".pando", "pando-ai" };

	for (size_t i = 0; ev->len > 0 && i < LEN(names); i++)
		if (strcmp(ev->name, names[i]) == 0)
			return true;
	return ev->len == 0;
}

static bool
read_events(int fd, bool *about_us)
{
	_Alignas(struct inotify_event) char bytes[EVENTS_MAX];
	const ssize_t n = read(fd, bytes, sizeof bytes);

	for (ssize_t i = 0; i < n;) {
		const struct inotify_event *ev = (const void *)(bytes + i);

		*about_us = *about_us || is_about_us(ev);
		i += (ssize_t)(sizeof *ev + ev->len);
	}
	return n > 0;
}

static void
on_told(evutil_socket_t fd, short what, void *arg)
{
	bool about_us = false;

	(void)what;
	for (int i = 0; i < READS_MAX && read_events(fd, &about_us); i++)
		;
	if (about_us)
		look_soon(arg);
}

struct gw_policies *
gw_policies_new(struct event_base *base, struct gw_runs *runs)
{
	struct gw_policies *p = mem_alloc(sizeof *p);

	p->runs = runs;
	p->look = evtimer_new(base, on_look, p);
	p->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (p->fd >= 0)
		p->told = event_new(base, p->fd, EV_READ | EV_PERSIST, on_told, p);
	if (p->told == NULL || event_add(p->told, NULL) < 0)
		fd_closep(&p->fd);
	if (p->fd < 0)
		log_debug("no inotify: policy files are looked at with each request");
	return p;
}

void
gw_policies_stop(struct gw_policies *p)
{
	p->stopped = true;
	(void)event_del(p->look); /* fails for no timer of a loop only */
}

void
gw_policies_free(struct gw_policies *p)
{
	if (p == NULL)
		return;
	if (p->told != NULL)
		event_free(p->told);
	if (p->look != NULL)
		event_free(p->look);
	fd_closep(&p->fd);
	free(p);
}

void
gw_policies_begin(struct gw_policies *p, struct gw_reg *r)
{
	struct pol_text text[POL_LAYERS];
	const size_t n = pol_texts(r->policy, text);

	for (int l = 0; l < POL_LAYERS; l++)
		memcpy(r->policy_state.seen[l], none, sizeof none);
	for (size_t i = 0; i < n; i++)
		rec_sha256(text[i].text, r->policy_state.seen[text[i].layer]);
	if (p->fd >= 0)
		watch_run(p, r);
	look_soon(p); /* it may have been changed since the launch read it */
}

void
gw_policies_ask(struct gw_reg *r)
{
	const int64_t since = clock_mono_us() - r->policy_state.looked_us;
	struct answer a = { .loads = false };
	struct look k = { .all = &a };

	if (!r->policy_state.watched && !r->all->policies->stopped &&
		since > (int64_t)GW_POLICIES_MS * US_PER_MS)
		look_at(r, &k);
}
