#include "keeper/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/json/json.h"
#include "base/utf8.h"

enum {
	MS_US = 1000,
	WANT_SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
	CUT_ROOM = 16, /* the last character may become a longer U+FFFD */
};

struct reply {
	json_t *j;
	int memfd;
};

#define REPLY_INIT                                                                       \
	{                                                                                \
		.memfd = -1                                                              \
	}

static void
reply_fini(struct reply *r)
{
	json_freep(&r->j);
	fd_closep(&r->memfd);
}

static void
give_up(int fd)
{
	(void)shutdown(fd, SHUT_RDWR); /* from here on every call fails by itself */
}

static int
await(int fd, struct err *e)
{
	const int64_t end = clock_mono_us() + (int64_t)KEEPER_REPLY_MS * MS_US;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (;;) {
		const int64_t left = (end - clock_mono_us()) / MS_US;
		const int got = left <= 0 ? 0 : poll(&p, 1, (int)left);

		if (got > 0)
			return 0;
		if (got < 0 && errno != EINTR)
			return err_sys(e, "wait for pando-keeper");
		if (got == 0) {
			give_up(fd);
			return err_set(e, ERR_SYS,
				"pando-keeper did not answer within %d seconds: start the "
				"agent again",
				KEEPER_REPLY_MS / 1000);
		}
	}
}

static int
check_memfd(int fd, struct err *e)
{
	const int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || (seals & WANT_SEALS) != WANT_SEALS || fstat(fd, &st) < 0)
		return err_set(e, ERR_DATA, "pando-keeper's reply is not sealed");
	if (st.st_size > KEEPER_FILE_MAX)
		return err_set(e, ERR_DATA, "pando-keeper's reply is too long");
	return 0;
}

static int
take_reply(int fd, struct reply *r, struct err *e)
{
	CLEANUP(mem_freep) char *text = mem_alloc(KEEPER_MSG_MAX);
	int fds[FD_PASS_MAX];
	size_t nfds = 0;
	const ssize_t n = fd_recv(fd, text, KEEPER_MSG_MAX, fds, &nfds, e);

	if (nfds > 0)
		r->memfd = fds[0];
	for (size_t i = 1; i < nfds; i++)
		fd_closep(&fds[i]);
	if (n < 0)
		return err_wrap(e, "pando-keeper");
	if (n == 0)
		return err_set(e, ERR_SYS,
			"pando-keeper has ended: start the agent again to have snapshots");
	r->j = json_parse((struct str){ text, (size_t)n }, e);
	if (r->j == NULL)
		return err_wrap(e, "pando-keeper's reply");
	return r->memfd < 0 ? 0 : check_memfd(r->memfd, e);
}

static int
ask(int fd, const struct buf *msg, struct reply *r, struct err *e)
{
	const char *why;

	if (msg->over)
		return err_set(e, ERR_DATA, "the message to pando-keeper is too long");
	if (fd_send(fd, buf_str(msg), NULL, 0, e) < 0)
		return err_wrap(e, "pando-keeper has ended");
	if (await(fd, e) < 0 || take_reply(fd, r, e) < 0)
		return -1;
	if (json_is_true(json_object_get(r->j, "ok")))
		return 0;
	why = json_text_of(r->j, "error");
	return err_set(e, ERR_SYS, "pando-keeper: %s", why != NULL ? why : "failed");
}

static void
put_cut(struct buf *b, const char *key, struct str s, size_t max)
{
	if (s.n == 0)
		return;
	if (s.n > max)
		s.n = max - CUT_ROOM;
	buf_printf(b, ",\"%s\":", key);
	buf_put_json(b, s);
}

static void
put_int(struct buf *b, const char *key, int64_t v, int64_t absent)
{
	if (v != absent)
		buf_printf(b, ",\"%s\":%lld", key, (long long)v);
}

int
keeper_log(int fd, const struct rec *r, struct err *e)
{
	CLEANUP(buf_fini) struct buf msg = BUF_INIT(KEEPER_MSG_MAX);
	CLEANUP(reply_fini) struct reply got = REPLY_INIT;
	const bool whole = r->args.n > 0 && r->args.n <= REC_ARGS_MAX;
	char sha[REC_SHA_HEX + 1] = "";

	if (r->args_sha256 == NULL && r->args.n > 0 && !whole)
		rec_sha256(r->args, sha);
	buf_puts(&msg, "{\"op\":\"log\"");
	put_cut(&msg, "event", str_of(r->event), REC_FIELD_MAX);
	put_cut(&msg, "server", r->server, REC_FIELD_MAX);
	put_cut(&msg, "tool", r->tool, REC_FIELD_MAX);
	put_cut(&msg, "call_id", r->call_id, REC_FIELD_MAX);
	put_cut(&msg, "args_sha256",
		str_of(r->args_sha256 != NULL ? r->args_sha256 : sha), REC_FIELD_MAX);
	if (whole) {
		buf_puts(&msg, ",\"args\":");
		buf_put_str(&msg, r->args);
	}
	put_cut(&msg, "verdict", str_of(r->verdict), REC_FIELD_MAX);
	put_cut(&msg, "rule", str_of(r->rule), REC_FIELD_MAX);
	put_cut(&msg, "file", str_of(r->file), REC_FIELD_MAX);
	put_int(&msg, "line", r->line, 0);
	put_cut(&msg, "mode", str_of(r->mode), REC_FIELD_MAX);
	put_int(&msg, "elapsed_us", r->elapsed_us < 0 ? -1 : r->elapsed_us, -1);
	put_cut(&msg, "note", r->note, REC_FIELD_MAX);
	buf_putc(&msg, '}');
	return ask(fd, &msg, &got, e);
}

int
keeper_snapshot(int fd, const char *why, const char *call, char id[KEEPER_ID_HEX + 1],
	bool *is_new, struct err *e)
{
	CLEANUP(buf_fini) struct buf msg = BUF_INIT(KEEPER_MSG_MAX);
	CLEANUP(reply_fini) struct reply got = REPLY_INIT;
	const char *hex;

	buf_puts(&msg, "{\"op\":\"snapshot\"");
	put_cut(&msg, "why", str_of(why), KEEPER_WHY_MAX);
	put_cut(&msg, "call", str_of(call), KEEPER_CALL_MAX);
	buf_putc(&msg, '}');
	if (ask(fd, &msg, &got, e) < 0)
		return -1;
	hex = json_text_of(got.j, "id");
	if (hex == NULL || strlen(hex) != KEEPER_ID_HEX)
		return err_set(e, ERR_DATA, "pando-keeper's reply has no snapshot id");
	memcpy(id, hex, KEEPER_ID_HEX + 1);
	*is_new = json_is_true(json_object_get(got.j, "new"));
	return 0;
}

static int
ask_bulk(int fd, const struct buf *msg, struct buf *out, struct err *e)
{
	CLEANUP(reply_fini) struct reply got = REPLY_INIT;

	if (ask(fd, msg, &got, e) < 0)
		return -1;
	if (got.memfd < 0)
		return err_set(e, ERR_DATA, "pando-keeper's reply has no content");
	if (fd_read_all(got.memfd, out, e) < 0)
		return err_wrap(e, "pando-keeper's reply");
	return 0;
}

int
keeper_list(int fd, int max, struct buf *out, struct err *e)
{
	CLEANUP(buf_fini) struct buf msg = BUF_INIT(KEEPER_MSG_MAX);

	buf_printf(&msg, "{\"op\":\"list\",\"max\":%d}", max);
	return ask_bulk(fd, &msg, out, e);
}

int
keeper_diff(int fd, const char *id, struct buf *out, struct err *e)
{
	CLEANUP(buf_fini) struct buf msg = BUF_INIT(KEEPER_MSG_MAX);

	buf_puts(&msg, "{\"op\":\"diff\",\"id\":");
	buf_put_json(&msg, str_of(id));
	buf_putc(&msg, '}');
	return ask_bulk(fd, &msg, out, e);
}

static void
put_path(struct buf *msg, const char *path)
{
	if (utf8_is_valid(str_of(path))) {
		buf_puts(msg, "\"path\":");
		buf_put_json(msg, str_of(path));
		return;
	}
	buf_puts(msg, "\"path_hex\":\"");
	for (; *path != '\0'; path++)
		buf_printf(msg, "%02x", (unsigned int)(unsigned char)*path);
	buf_putc(msg, '"');
}

void
keeper_file_fini(struct keeper_file *f)
{
	fd_closep(&f->content);
}

int
keeper_read(
	int fd, const char *id, const char *path, struct keeper_file *f, struct err *e)
{
	CLEANUP(buf_fini) struct buf msg = BUF_INIT(KEEPER_MSG_MAX);
	CLEANUP(reply_fini) struct reply got = REPLY_INIT;
	const json_t *bits;
	const char *kind;

	buf_puts(&msg, "{\"op\":\"read\",\"id\":");
	buf_put_json(&msg, str_of(id));
	buf_putc(&msg, ',');
	put_path(&msg, path);
	buf_putc(&msg, '}');
	if (ask(fd, &msg, &got, e) < 0)
		return -1;
	bits = json_object_get(got.j, "mode");
	kind = json_text_of(got.j, "kind");
	if (got.memfd < 0 || kind == NULL || !json_is_integer(bits))
		return err_set(e, ERR_DATA, "pando-keeper's reply is not complete");
	f->mode = (mode_t)json_integer_value(bits) & 07777;
	f->is_link = strcmp(kind, "link") == 0;
	f->content = fd_take(&got.memfd);
	return 0;
}
