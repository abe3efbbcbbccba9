#include "gateway/control.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/json/json.h"
#include "base/log.h"
#include "gateway/process.h"

enum { PEER_S = 5, LATER_US = 200000 };

struct gw_peer {
	LIST_ENTRY(gw_peer) link;
	struct gw_control *all;
	struct bufferevent *bev;
	pid_t pid;
	bool is_answered;
	bool stays;   /* asked to stop: its connection ends with us */
	bool watches; /* the same, and it is told that we end */
	bool serves;  /* the same, and it may ask on, for one server of one run */
	enum gw_part part;
	char run[ID_HEX + 1];
};

static void
stop_serving(struct gw_peer *p)
{
	struct gw_reg *r = p->serves ? gw_runs_named(p->all->runs, p->run) : NULL;

	if (r != NULL)
		gw_handshake_serve(&r->handshake, p->part, -1);
	p->serves = false;
}

/* A descriptor for the next one who comes when there is no other left. */
static void
keep_a_spare(struct gw_control *c)
{
	if (c->spare < 0)
		c->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	c->is_short = c->is_short && c->spare < 0;
}

static void
peer_free(struct gw_peer *p)
{
	stop_serving(p);
	LIST_REMOVE(p, link);
	if (p->watches)
		p->all->nwatchers--;
	else
		p->all->npeers--;
	bufferevent_free(p->bev);
	keep_a_spare(p->all);
	free(p);
}

/* --- the operations: 0 with the rest of the reply in out, or -1 --------------------- */

static int
op_register(struct gw_peer *p, const json_t *ask, json_t *out, struct err *e)
{
	const struct gw_register want = {
		.run = json_text_of(ask, "run"),
		.agent = json_text_of(ask, "agent"),
		.agent_version = json_text_of(ask, "agent_version"),
		.root = json_text_of(ask, "root"),
		.policy = json_text_of(ask, "policy"),
		.policy_sha256 = json_text_of(ask, "policy_sha256"),
		.log = json_text_of(ask, "log"),
	};
	struct gw_reg *r = gw_runs_add(p->all->runs, &want, p->pid, e);

	if (r == NULL)
		return -1;
	if (p->all->on_registered(r, p->all->to, e) < 0) {
		gw_runs_drop(r);
		return -1;
	}
	(void)json_object_set_new(out, "port", json_integer(p->all->port));
	(void)json_object_set_new(out, "token", json_string(r->token.hex));
	return 0;
}

static json_t *
sums_of(const struct gw_budget *b)
{
	json_t *sums = json_object();

	for (int i = 0; i < GW_SUMS; i++)
		(void)json_object_set_new(
			sums, gw_sum_name((enum gw_total)i), json_integer(b->sum[i]));
	return sums;
}

static json_t *
run_status(const struct gw_reg *r)
{
	const struct pol_limits *l = pol_limits_of(r->policy);
	const struct str model = gw_str(&r->budget.model);
	json_t *run = json_pack("{s:s,s:s,s:s,s:s,s:i,s:I,s:I,s:I,s:o}", "run", r->id,
		"agent", pol_agent_name(r->agent), "agent_version", r->agent_version,
		"root", r->root, "pid", (int)r->pid, "age_s",
		(json_int_t)gw_process_age(r->start), "tokens_per_run",
		(json_int_t)l->tokens_per_run, "microusd_per_run",
		(json_int_t)l->microusd_per_run, "sums", sums_of(&r->budget));

	(void)json_object_set_new(run, "model", json_stringn(model.p, model.n));
	return run;
}

static int
op_status(struct gw_peer *p, const json_t *ask, json_t *out, struct err *e)
{
	json_t *runs = json_array();
	const struct gw_reg *r;

	(void)ask; /* it has no parameters */
	(void)e;
	LIST_FOREACH(r, &p->all->runs->head, link)
	(void)json_array_append_new(runs, run_status(r));
	(void)json_object_set_new(out, "pid", json_integer(getpid()));
	(void)json_object_set_new(out, "port", json_integer(p->all->port));
	(void)json_object_set_new(out, "runs", runs);
	return 0;
}

static int
op_stop(struct gw_peer *p, const json_t *ask, json_t *out, struct err *e)
{
	(void)ask;
	(void)out;
	(void)e;
	p->stays = true;
	return 0;
}

/* It keeps its connection. */
static int
settle(struct gw_peer *p, struct err *e)
{
	if (p->all->nwatchers >= GW_WATCHERS_MAX)
		return err_set(e, ERR_GATEWAY, "too many watch already");
	p->watches = true;
	p->all->npeers--;
	p->all->nwatchers++;
	return 0;
}

static struct gw_reg *
run_of(const struct gw_peer *p, const json_t *ask, struct err *e)
{
	const char *run = json_text_of(ask, "run");
	struct gw_reg *r = run == NULL ? NULL : gw_runs_named(p->all->runs, run);

	if (r == NULL)
		(void)err_set(e, ERR_DATA, "\"run\" is not one of ours");
	return r;
}

static int
op_watch(struct gw_peer *p, const json_t *ask, json_t *out, struct err *e)
{
	(void)out;
	return run_of(p, ask, e) == NULL ? -1 : settle(p, e);
}

/* For a run speak its own processes: others of the same user have no part in it. */
static struct gw_reg *
own_run_of(const struct gw_peer *p, const json_t *ask, struct err *e)
{
	struct gw_reg *r = run_of(p, ask, e);

	if (r == NULL || gw_process_is_below(p->pid, r->pid))
		return r;
	(void)err_set(e, ERR_REFUSED, "process %d is none of the run's", (int)p->pid);
	return NULL;
}

static int
op_checkin(struct gw_peer *p, const json_t *ask, json_t *out, struct err *e)
{
	const char *session = json_text_of(ask, "session");
	struct gw_reg *r = own_run_of(p, ask, e);
	CLEANUP(mem_freep) char *line = NULL;

	(void)out;
	if (r == NULL)
		return -1;
	if (session == NULL)
		return err_set(e, ERR_DATA, "checkin: want \"session\"");
	line = mem_printf("session %s", session);
	return gw_serve_checkin(r, &p->all->checkins, line, e);
}

static int
op_serve(struct gw_peer *p, const json_t *ask, json_t *out, struct err *e)
{
	const enum gw_part part = gw_part_from(json_text_of(ask, "role"));
	struct gw_reg *r = own_run_of(p, ask, e);

	(void)out;
	if (r == NULL)
		return -1;
	if (part == GW_PARTS)
		return err_set(e, ERR_DATA, "serve: \"role\" must be core or workspace");
	if (settle(p, e) < 0)
		return -1;
	p->serves = true;
	p->part = part;
	memcpy(p->run, r->id, sizeof p->run);
	gw_handshake_serve(&r->handshake, part, 1);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct gw_peer *p, const json_t *ask, json_t *out, struct err *e);
} ops[] = {
	{ "register", op_register },
	{ "status", op_status },
	{ "stop", op_stop },
	{ "watch", op_watch },
	{ "checkin", op_checkin },
	{ "serve", op_serve },
}; /* everything that can be asked of a gateway */

/* All that can be asked of us in serve mode. */
static int
perform_served(struct gw_peer *p, const json_t *ask, struct err *e)
{
	struct gw_reg *r = gw_runs_named(p->all->runs, p->run);

	if (r == NULL)
		return err_set(e, ERR_DATA, "the run has ended");
	return gw_serve_ask(r, p->part, &p->all->checkins, ask, e);
}

static int
perform(struct gw_peer *p, struct str line, json_t *out, struct err *e)
{
	CLEANUP(json_freep) json_t *ask = json_parse(line, e);
	const char *op;

	if (ask == NULL)
		return -1;
	if (p->serves)
		return perform_served(p, ask, e);
	op = json_text_of(ask, "op");
	for (size_t i = 0; op != NULL && i < LEN(ops); i++)
		if (strcmp(op, ops[i].name) == 0)
			return ops[i].run(p, ask, out, e);
	return err_set(e, ERR_DATA,
		"want \"op\": register, status, stop, watch, checkin or serve");
}

/* --- the connection ----------------------------------------------------------------- */

static void
answer(struct gw_peer *p, struct str line)
{
	CLEANUP(buf_fini) struct buf reply = BUF_INIT(GW_STATUS_MAX);
	CLEANUP(json_freep) json_t *out = json_object();
	struct err e = ERR_INIT;

	(void)json_object_set_new(out, "ok", json_true());
	if (perform(p, line, out, &e) < 0) {
		(void)json_object_clear(out);
		(void)json_object_set_new(out, "ok", json_false());
		/* a text of ours that quotes a file may hold any byte */
		if (json_object_set_new(out, "error", json_string(e.text)) < 0)
			(void)json_object_set_new(out, "error",
				json_string("refused (the reason is not UTF-8)"));
	}
	json_put(&reply, out);
	buf_putc(&reply, '\n');
	p->is_answered = true;
	if (p->watches) /* reading goes on, for its end */
		bufferevent_set_timeouts(p->bev, NULL, NULL);
	else
		(void)bufferevent_disable(p->bev, EV_READ);
	if (bufferevent_write(p->bev, reply.p, reply.n) < 0)
		abort(); /* out of memory */
	explicit_bzero(
		reply.p, reply.n); /* the token; libevent's copy goes with the peer */
}

/* Who asks and asks and never reads is not waited for. */
static bool
hears_answers(const struct gw_peer *p)
{
	return !p->serves ||
	       evbuffer_get_length(bufferevent_get_output(p->bev)) <= GW_LINE_MAX;
}

static void
on_line(struct bufferevent *bev, void *arg)
{
	struct gw_peer *p = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t n;
	char *line;

	if (p->watches && !p->serves) {
		peer_free(p); /* it has nothing more to say */
		return;
	}
	while ((p->serves || !p->is_answered) && hears_answers(p) &&
		(line = evbuffer_readln(in, &n, EVBUFFER_EOL_LF)) != NULL) {
		answer(p, (struct str){ line, n });
		free(line);
	}
	if (!hears_answers(p) || ((p->serves || !p->is_answered) &&
					 evbuffer_get_length(in) >= GW_LINE_MAX))
		peer_free(p);
}

static void
on_sent(struct bufferevent *bev, void *arg)
{
	struct gw_peer *p = arg;

	(void)bev;
	if (!p->is_answered)
		return;
	if (p->stays)
		p->all->on_stop(p->all->to);
	else if (!p->watches)
		peer_free(p);
}

static void
on_end(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	peer_free(arg);
}

static int
peer_new(struct gw_control *c, int fd, struct err *e)
{
	const struct timeval limit = { PEER_S, 0 };
	struct gw_peer *p;
	uid_t uid;
	pid_t pid;

	if (fd_peer(fd, &pid, &uid, e) < 0)
		return -1;
	if (uid != geteuid() || pid <= 0)
		return err_set(e, ERR_REFUSED, "user %u may not speak to this gateway",
			(unsigned int)uid);
	if (c->npeers >= GW_PEERS_MAX)
		return err_set(e, ERR_GATEWAY, "too many control connections");
	p = mem_alloc(sizeof *p);
	p->all = c;
	p->pid = pid;
	p->bev = bufferevent_socket_new(c->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (p->bev == NULL)
		abort(); /* out of memory */
	LIST_INSERT_HEAD(&c->peers, p, link);
	c->npeers++;
	bufferevent_setcb(p->bev, on_line, on_sent, on_end, p);
	bufferevent_setwatermark(p->bev, EV_READ, 0, GW_LINE_MAX);
	bufferevent_set_timeouts(p->bev, &limit, &limit);
	(void)bufferevent_enable(
		p->bev, EV_READ | EV_WRITE); /* fails only for unknown flags */
	return 0;
}

/* Who waits would wake us for ever. */
static void
pause_a_while(struct gw_control *c)
{
	const struct timeval wait = { 0, LATER_US };

	if (!c->is_short)
		log_error("accept on the control socket: %s", strerror(errno));
	c->is_short = true;
	if (event_add(c->later, &wait) == 0)
		(void)event_del(c->accept); /* it is there */
}

static void
on_later(evutil_socket_t fd, short what, void *arg)
{
	struct gw_control *c = arg;

	(void)fd;
	(void)what;
	keep_a_spare(c);
	if (event_add(c->accept, NULL) < 0)
		pause_a_while(c);
}

static void
on_accept(evutil_socket_t listener, short what, void *arg)
{
	const int flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
	struct gw_control *c = arg;
	CLEANUP(fd_closep) int fd = accept4(listener, NULL, NULL, flags);
	struct err e = ERR_INIT;

	(void)what;
	if (fd < 0 && (errno == EMFILE || errno == ENFILE) && c->spare >= 0) {
		fd_closep(&c->spare);
		fd = accept4(listener, NULL, NULL, flags);
	}
	if (fd < 0) {
		if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
			pause_a_while(c);
		return;
	}
	if (peer_new(c, fd, &e) < 0)
		log_error("control: %s", e.text);
	else
		(void)fd_take(&fd); /* the bufferevent has it */
	keep_a_spare(c);
}

int
gw_control_open(struct gw_control *c, const char *path, struct err *e)
{
	LIST_INIT(&c->peers);
	c->npeers = 0;
	c->accept = c->later = NULL;
	c->spare = -1;
	c->is_short = false;
	/* we hold the lock: what lies there is nobody's */
	if (c->fd < 0 && unlink(path) < 0 && errno != ENOENT)
		return err_sys(e, "remove the old %s", path);
	if (c->fd < 0)
		c->fd = fd_unix_listen(path, e);
	if (c->fd < 0)
		return -1;
	if (evutil_make_socket_nonblocking(c->fd) < 0)
		return err_sys(e, "%s", path);
	c->accept = event_new(c->base, c->fd, EV_READ | EV_PERSIST, on_accept, c);
	c->later = event_new(c->base, -1, 0, on_later, c);
	if (c->accept == NULL || c->later == NULL || event_add(c->accept, NULL) < 0)
		return err_set(e, ERR_GATEWAY, "%s: no event for it", path);
	keep_a_spare(c);
	return 0;
}

void
gw_control_pause(struct gw_control *c, bool pause)
{
	(void)event_del(c->later); /* it may not be pending */
	if (pause ? event_del(c->accept) : event_add(c->accept, NULL) < 0)
		log_error("control: its event cannot be changed");
}

/* By hand, since the loop has ended; who does not read has bad luck. */
static void
say_bye(struct gw_peer *p)
{
	static const char bye[] = "{\"bye\":true}\n";

	(void)send(bufferevent_getfd(p->bev), bye, sizeof bye - 1,
		MSG_DONTWAIT | MSG_NOSIGNAL);
}

void
gw_control_close(struct gw_control *c, bool bye)
{
	for (struct gw_peer *p = LIST_FIRST(&c->peers), *next; p != NULL; p = next) {
		next = LIST_NEXT(p, link);
		if (p->watches && !p->serves && bye)
			say_bye(p);
		/* handed over, a server counts as connected for what we still have to end */
		p->serves = p->serves && bye;
		peer_free(p);
	}
	if (c->accept != NULL)
		event_free(c->accept);
	if (c->later != NULL)
		event_free(c->later);
	if (c->accept != NULL)
		fd_closep(&c->spare);
	c->accept = c->later = NULL;
	fd_closep(&c->fd);
}
