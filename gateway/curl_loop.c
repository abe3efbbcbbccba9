#include "gateway/curl_loop.h"

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>

#include "policy/upstream.h"

enum { MS_PER_S = 1000, US_PER_MS = 1000 };

/* Hands finished transfers back, when curl is not working on them. */
static void
reap(struct gw_curl_loop *u)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(u->multi, &left)) != NULL)
		if (m->msg == CURLMSG_DONE &&
			!u->on_finished(m->easy_handle, m->data.result))
			return;
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct gw_curl_loop *u = arg;
	int running;
	int flags = 0;

	if ((what & EV_READ) != 0)
		flags |= CURL_CSELECT_IN;
	if ((what & EV_WRITE) != 0)
		flags |= CURL_CSELECT_OUT;
	(void)curl_multi_socket_action(
		u->multi, fd, flags, &running); /* errors come by reap */
	reap(u);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct gw_curl_loop *u = arg;
	int running;

	(void)fd;
	(void)what;
	(void)curl_multi_socket_action(u->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	reap(u);
}

/* curl tells which sockets it wants watched; the event is the socket's own pointer there. */
static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socketp)
{
	struct gw_curl_loop *u = arg;
	struct event *ev = socketp;
	short want = EV_PERSIST;

	(void)easy;
	if (ev != NULL)
		event_free(ev);
	if (what == CURL_POLL_REMOVE) {
		(void)curl_multi_assign(u->multi, fd, NULL);
		return 0;
	}
	if (what != CURL_POLL_OUT)
		want |= EV_READ;
	if (what != CURL_POLL_IN)
		want |= EV_WRITE;
	ev = event_new(u->base, fd, want, on_socket, u);
	if (ev == NULL || event_add(ev, NULL) < 0)
		return -1;
	return curl_multi_assign(u->multi, fd, ev) == CURLM_OK ? 0 : -1;
}

static int
watch_timer(CURLM *multi, long ms, void *arg)
{
	struct gw_curl_loop *u = arg;
	const struct timeval tv = { ms / MS_PER_S, (ms % MS_PER_S) * US_PER_MS };

	(void)multi;
	return ms < 0 ? event_del(u->timer) : event_add(u->timer, &tv);
}

int
gw_curl_loop_init(struct gw_curl_loop *u, struct event_base *base,
	bool (*on_finished)(CURL *easy, CURLcode code), struct err *e)
{
	u->base = base;
	u->on_finished = on_finished;
	u->multi = curl_multi_init();
	u->timer = event_new(base, -1, 0, on_timer, u);
	if (u->multi == NULL || u->timer == NULL)
		return err_set(e, ERR_GATEWAY, "libcurl cannot be set up");
	(void)curl_multi_setopt(u->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	(void)curl_multi_setopt(u->multi, CURLMOPT_SOCKETDATA, u);
	(void)curl_multi_setopt(u->multi, CURLMOPT_TIMERFUNCTION, watch_timer);
	(void)curl_multi_setopt(u->multi, CURLMOPT_TIMERDATA, u);
	return 0;
}

void
gw_curl_loop_fini(struct gw_curl_loop *u)
{
	if (u->multi != NULL)
		(void)curl_multi_cleanup(u->multi); /* fails for what is none */
	if (u->timer != NULL)
		event_free(u->timer);
}

static const char *
set_in_env(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/*
 * NODE_EXTRA_CA_CERTS adds to the authorities, as it does for an agent: a company that
 * inspects TLS sets it for claude, whose traffic this is now. A file that cannot be read adds
 * nothing, so the handshake fails and says so. curl keeps the parsed authorities for the next
 * connections: a mark in them says that the file, which takes long to read, is in there.
 */
static CURLcode
on_tls(CURL *easy, void *ssl, void *arg)
{
	static int mark = -1;
	const char *file = set_in_env("NODE_EXTRA_CA_CERTS");
	X509_STORE *all = SSL_CTX_get_cert_store(ssl);

	(void)easy;
	(void)arg;
	if (mark < 0)
		mark = X509_STORE_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	if (file == NULL || X509_STORE_get_ex_data(all, mark) != NULL)
		return CURLE_OK;
	(void)X509_STORE_load_file(all, file);
	return X509_STORE_set_ex_data(all, mark, &mark) == 1 ? CURLE_OK
							     : CURLE_OUT_OF_MEMORY;
}

/*
 * A folder of authorities keeps curl from caching the parsed ones: every handshake would read
 * the system's whole bundle again. So one is set only when the person names it, or when there
 * is no bundle.
 */
static void
set_authorities(CURL *c)
{
	const char *file = set_in_env("CURL_CA_BUNDLE");
	const char *folder = set_in_env("SSL_CERT_DIR");
	char *bundle = NULL;

	if (file == NULL)
		file = set_in_env("SSL_CERT_FILE");
	if (file != NULL)
		(void)curl_easy_setopt(c, CURLOPT_CAINFO, file);
	else if (folder != NULL)
		(void)curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
	if (folder != NULL || file != NULL ||
		(curl_easy_getinfo(c, CURLINFO_CAINFO, &bundle) == CURLE_OK &&
			bundle != NULL && access(bundle, R_OK) == 0))
		(void)curl_easy_setopt(c, CURLOPT_CAPATH, folder);
	(void)curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, on_tls);
}

void
gw_curl_set_way(CURL *c, const char *url)
{
	set_authorities(c);
	/* a provider on this machine is reached directly, whatever the environment says */
	if (upstream_is_loopback(str_of(url)))
		(void)curl_easy_setopt(c, CURLOPT_PROXY, "");
}
