#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/curl_loop.h"
#include "gateway/head.h"
#include "gateway/upstream_way.h"

enum { MS_PER_S = 1000, UPLOAD_STEP = 16 << 10, SPARE_MAX = 16 };

struct gw_curl {
	struct gw_curl_loop loop;
	struct gw_up_limits limits;
	CURL *spare[SPARE_MAX]; /* reset, for the next transfers */
	size_t nspare;
};

struct transfer {
	struct gw_up up; /* first: a gw_up is one of these */
	struct gw_curl *all;
	CURL *easy;
	struct curl_slist *fields;
	struct buf head;
	int status;
	bool head_told, is_begun;
	curl_off_t body_size;
	char why[CURL_ERROR_SIZE];
};

static void
up_free(struct transfer *t)
{
	if (t == NULL)
		return;
	if (t->easy != NULL && t->all->nspare < SPARE_MAX) {
		curl_easy_reset(t->easy);
		t->all->spare[t->all->nspare++] = t->easy;
	} else if (t->easy != NULL) {
		curl_easy_cleanup(t->easy);
	}
	for (struct curl_slist *f = t->fields; f != NULL; f = f->next)
		explicit_bzero(f->data, strlen(f->data)); /* the key is in there */
	curl_slist_free_all(t->fields);
	buf_fini(&t->head);
	free(t);
}

static void
up_freep(struct transfer **t)
{
	up_free(*t);
}

static void
finish(struct transfer *t, CURLcode code)
{
	static const char untrusted[] =
		" (if its authority is one of yours, name its file in SSL_CERT_FILE or "
		"NODE_EXTRA_CA_CERTS, then: pando-ai proxy stop)";
	char all[CURL_ERROR_SIZE + sizeof untrusted];
	const char *why = code == CURLE_OK ? NULL : all;

	(void)curl_multi_remove_handle(t->all->loop.multi, t->easy); /* it is in there */
	if (code == CURLE_ABORTED_BY_CALLBACK)
		why = "the connection broke before it answered";
	else if (code == CURLE_PEER_FAILED_VERIFICATION)
		(void)snprintf(all, sizeof all, "%s%s", t->why, untrusted);
	else if (code != CURLE_OK)
		why = t->why[0] != '\0' ? t->why : curl_easy_strerror(code);
	else if (!t->head_told)
		why = "the answer had no status line";
	t->up.calls.done(t->up.calls.to, why);
	up_free(t);
}

static bool
on_finished(CURL *easy, CURLcode code)
{
	struct transfer *t;

	if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t) == CURLE_OK)
		finish(t, code);
	return true;
}

struct gw_curl *
gw_curl_new(struct event_base *base, const struct gw_up_limits *l, struct err *e)
{
	struct gw_curl *u;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		(void)err_set(e, ERR_GATEWAY, "libcurl cannot be set up");
		return NULL;
	}
	u = mem_alloc(sizeof *u);
	u->limits = *l;
	if (gw_curl_loop_init(&u->loop, base, on_finished, e) < 0) {
		gw_curl_free(u);
		return NULL;
	}
	(void)curl_multi_setopt(u->loop.multi, CURLMOPT_MAXCONNECTS, (long)GW_KEPT_MAX);
	return u;
}

void
gw_curl_free(struct gw_curl *u)
{
	if (u == NULL)
		return;
	while (u->nspare > 0)
		curl_easy_cleanup(u->spare[--u->nspare]);
	gw_curl_loop_fini(&u->loop);
	free(u);
	curl_global_cleanup();
}

/* "HTTP/1.1 200 OK", "HTTP/2 200" */
static int
status_of(struct str line)
{
	const char *space = memchr(line.p, ' ', line.n);

	return space == NULL ? 0 : atoi(space + 1); /* a line ends in CRLF: atoi stops */
}

static size_t
on_head(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct str line = { p, size * n };
	struct str name, value;

	if (t->head_told)
		return size * n; /* a trailer: nothing in it for us */
	if (str_starts(line, STR("HTTP/"))) {
		buf_reset(&t->head);
		t->status = status_of(line);
		return size * n;
	}
	while (line.n > 0 && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == '\n'))
		line.n--;
	if (line.n > 0) {
		if (gw_head_next(&line, &name, &value) && gw_head_is_sound(name, value))
			gw_head_put(&t->head, name, value);
		return t->head.over ? 0 : size * n;
	}
	if (t->status < 200)
		return size * n; /* informational: the real one follows */
	t->head_told = true;
	if (t->up.calls.head(t->up.calls.to, t->status, buf_str(&t->head)) != GW_UP_TOOK)
		return 0;
	buf_fini(&t->head);
	return size * n;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	if (!t->head_told)
		return CURL_WRITEFUNC_ERROR;
	switch (t->up.calls.body(t->up.calls.to, (struct str){ p, size * n })) {
	case GW_UP_TOOK:
		return size * n;
	case GW_UP_PAUSE:
		return CURL_WRITEFUNC_PAUSE;
	case GW_UP_STOP:
		break;
	}
	return CURL_WRITEFUNC_ERROR;
}

/*
 * A connection is there, the request goes out now. curl calls this once more when it is about
 * to send it again, since a kept connection ended without an answer: but the provider may
 * have read it, so that is the end.
 */
static int
on_connection(void *arg, char *ip, char *own_ip, int port, int own_port)
{
	struct transfer *t = arg;

	(void)ip;
	(void)own_ip;
	(void)port;
	(void)own_port;
	if (t->is_begun)
		return CURL_PREREQFUNC_ABORT;
	t->is_begun = true;
	return CURL_PREREQFUNC_OK;
}

static int
add_field(struct transfer *t, const char *line, struct err *e)
{
	struct curl_slist *more = curl_slist_append(t->fields, line);

	if (more == NULL)
		return err_set(e, ERR_SYS, "no memory for a header");
	t->fields = more;
	return 0;
}

static int
add_fields(struct transfer *t, struct str lines, struct err *e)
{
	/* what curl would add by itself is not the client's: a bare "Name:" keeps it out */
	static const char *const unasked[] = { "Accept", "Content-Type", "User-Agent",
		"Expect" };
	struct str rest = lines, name, value;

	while (gw_head_next(&rest, &name, &value)) {
		CLEANUP(mem_freep)
		char *line = value.n > 0 ? mem_printf(STR_FMT ": " STR_FMT, STR_ARG(name),
						   STR_ARG(value))
					 : mem_printf(STR_FMT ";", STR_ARG(name));

		if (add_field(t, line, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < LEN(unasked); i++) {
		char line[32];

		(void)snprintf(line, sizeof line, "%s:", unasked[i]);
		if (gw_head_count(lines, unasked[i]) == 0 && add_field(t, line, e) < 0)
			return -1;
	}
	if (gw_head_count(lines, "accept-encoding") == 0)
		return add_field(t, "Accept-Encoding: identity", e);
	return 0;
}

static void
set_options(struct transfer *t, const struct gw_up_request *r)
{
	const struct gw_up_limits *l = &t->all->limits;
	CURL *c = t->easy;

	(void)curl_easy_setopt(c, CURLOPT_PRIVATE, t);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->why);
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	(void)curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	(void)curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	(void)curl_easy_setopt(
		c, CURLOPT_PIPEWAIT, 1L); /* for a stream of a connection */
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)l->connect_ms);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME,
		(long)((l->idle_ms + MS_PER_S - 1) / MS_PER_S));
	(void)curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	(void)curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_STEP);
	(void)curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_connection);
	(void)curl_easy_setopt(c, CURLOPT_PREREQDATA, t);
	(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, t->fields);
	(void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_head);
	(void)curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	gw_curl_set_way(c, r->url);
	if (r->post) {
		(void)curl_easy_setopt(c, CURLOPT_POST, 1L);
		(void)curl_easy_setopt(
			c, CURLOPT_POSTFIELDS, r->body.n > 0 ? r->body.p : "");
		(void)curl_easy_setopt(
			c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
		t->body_size = (curl_off_t)r->body.n;
	}
}

static void
curl_resume(struct gw_up *up)
{
	struct transfer *t = (struct transfer *)up;
	const CURLcode code = curl_easy_pause(t->easy, CURLPAUSE_CONT);

	/* the kept bytes were refused: curl itself would go on with the next ones */
	if (code != CURLE_OK)
		finish(t, code);
}

static void
curl_cancel(struct gw_up *up)
{
	struct transfer *t = (struct transfer *)up;

	(void)curl_multi_remove_handle(t->all->loop.multi, t->easy); /* it is in there */
	up_free(t);
}

/* Behind the head of an answer curl rewinds no more. */
static bool
curl_has_sent(struct gw_up *up)
{
	const struct transfer *t = (struct transfer *)up;
	curl_off_t sent = -1;

	return t->head_told &&
	       curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &sent) == CURLE_OK &&
	       sent == t->body_size;
}

static const struct gw_up_way curl_way = { curl_resume, curl_cancel, curl_has_sent };

struct gw_up *
gw_curl_start(struct gw_curl *u, const struct gw_up_request *r,
	const struct gw_up_calls *calls, struct err *e)
{
	CLEANUP(up_freep) struct transfer *t = mem_alloc(sizeof *t);
	struct gw_up *got;

	t->up = (struct gw_up){ &curl_way, *calls };
	t->all = u;
	t->head.max = GW_HEAD_MAX;
	t->easy = u->nspare > 0 ? u->spare[--u->nspare] : curl_easy_init();
	if (t->easy == NULL) {
		(void)err_set(e, ERR_SYS, "libcurl has no transfer left");
		return NULL;
	}
	if (add_fields(t, r->head, e) < 0)
		return NULL;
	set_options(t, r);
	/* refusing this one would widen what a URL may name, so it is checked alone */
	if (curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK ||
		curl_easy_setopt(t->easy, CURLOPT_URL, r->url) != CURLE_OK ||
		curl_multi_add_handle(u->loop.multi, t->easy) != CURLM_OK) {
		(void)err_set(e, ERR_SYS, "libcurl does not take the transfer");
		return NULL;
	}
	got = &t->up;
	t = NULL;
	return got;
}
