/*
 * What the gateway adds to a 100 KB request: the same request straight to a provider process
 * and through the gateway, turn by turn in one run, on kept connections. Prints medians and
 * their ratio. The provider is a few lines that read a request and answer a fixed message, so
 * that its own time is small beside what is measured.
 *
 * HOME must be a scratch folder; the gateway is started there and stopped at the end.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/log.h"
#include "base/path.h"
#include "base/place.h"
#include "gateway/client.h"
#include "policy/layers.h"

enum {
	ROUNDS = 400,
	MIDDLE = ROUNDS / 2,
	WARM_UP = 50,
	BODY_SIZE = 100 << 10,
	HEAD_MAX = 16384
};

static const char answer[] =
	"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 199\r\n\r\n"
	"{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\","
	"\"content\":[{\"type\":\"text\",\"text\":\"hello\"}],\"stop_reason\":\"end_turn\","
	"\"stop_sequence\":null,\"usage\":{\"input_tokens\":1,\"output_tokens\":1}   }";

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* Reads one HTTP message with a content-length, or a chunked one; answers its size. */
static size_t
read_message(int fd, char *into, size_t max)
{
	size_t n = 0;
	size_t want = 0;

	while (want == 0 || n < want) {
		const ssize_t k = read(fd, into + n, max - n - 1);
		char *body, *length;

		if (k <= 0)
			return 0;
		n += (size_t)k;
		into[n] = '\0';
		body = strstr(into, "\r\n\r\n");
		if (body == NULL || want > 0)
			continue;
		length = strcasestr(into, "content-length:");
		if (length == NULL || length > body) {
			if (strstr(body, "\r\n0\r\n\r\n") != NULL)
				return n;
			continue;
		}
		want = (size_t)(body + 4 - into) + strtoul(length + 15, NULL, 10);
	}
	return n;
}

static void
serve_one(int fd)
{
	char *in = mem_alloc(BODY_SIZE + HEAD_MAX);

	while (read_message(fd, in, BODY_SIZE + HEAD_MAX) > 0)
		if (write(fd, answer, sizeof answer - 1) < 0)
			break;
	_exit(0);
}

static pid_t
start_provider(int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	const int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	if (l < 0 || bind(l, (struct sockaddr *)&a, sizeof a) < 0 || listen(l, 8) < 0 ||
		getsockname(l, (struct sockaddr *)&a, &n) < 0)
		die("listen");
	*port = ntohs(a.sin_port);
	pid = fork();
	if (pid != 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGCHLD, SIG_IGN);
	for (;;) {
		const int fd = accept(l, NULL, NULL);
		const int one = 1;

		if (fd < 0)
			die("accept");
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		if (fork() == 0)
			serve_one(fd);
		(void)close(fd);
	}
}

static int
dial(int port)
{
	const struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int one = 1;

	if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof a) < 0)
		die("connect");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

/* A request as claude sends it: much text, two tools of ours. */
static void
make_request(struct buf *b, const char *prefix)
{
	static const char head[] =
		"{\"model\":\"m\",\"max_tokens\":1,\"tools\":[{\"name\":\"mcp__pando_core__"
		"read-file\",\"description\":\"reads\",\"input_schema\":{\"type\":\"object\"}},"
		"{\"name\":\"mcp__pando_workspace__replace\",\"description\":\"edits\","
		"\"input_schema\":{\"type\":\"object\"}}],\"messages\":[{\"role\":\"user\","
		"\"content\":\"";
	static const char tail[] = "\"}]}";
	static const char text[] = "int main(void) { return \\\"x\\\" != 0; }\\n";
	struct buf body = BUF_INIT(BODY_SIZE);

	buf_puts(&body, head);
	while (body.n + sizeof text + sizeof tail < BODY_SIZE)
		buf_puts(&body, text);
	while (body.n + sizeof tail <= BODY_SIZE)
		buf_putc(&body, '.');
	buf_puts(&body, tail);
	buf_printf(b,
		"POST %s/v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
		"x-api-key: k\r\ncontent-length: %zu\r\n\r\n",
		prefix, body.n);
	buf_put_str(b, buf_str(&body));
	buf_fini(&body);
}

static int64_t
time_one(int fd, const struct buf *request)
{
	static char in[BODY_SIZE];
	const int64_t from = clock_mono_us();
	struct err e = ERR_INIT;

	if (fd_write_all(fd, buf_str(request), &e) < 0 ||
		read_message(fd, in, sizeof in) == 0 ||
		strncmp(in, "HTTP/1.1 200", 12) != 0) {
		fprintf(stderr, "bad answer: %.200s\n", in);
		exit(1);
	}
	return clock_mono_us() - from;
}

static int
by_value(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a;
	const int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static struct gw_run
register_run(int provider, struct err *e)
{
	CLEANUP(mem_freep) char *path = place_policy(e);
	CLEANUP(mem_freep)
	char *text = mem_printf(
		"[security]\nhandshake = \"off\"\n[proxy]\nanthropic_upstream = "
		"\"http://127.0.0.1:%d\"\n",
		provider);
	CLEANUP(mem_freep) char *dir = path_dir(path);
	CLEANUP(pol_freep) struct policy *p = NULL;
	CLEANUP(mem_freep) char *bundle = NULL;
	char id[ID_HEX + 1];
	struct gw_run run = { 0 };

	if (path_mkdirs(dir, 0700, e) < 0 ||
		path_write(path, str_of(text), 0600, e) < 0 || id_new(id, e) < 0)
		exit(log_fail(e));
	p = pol_load_live("/", e);
	bundle = p == NULL ? NULL : pol_bundle_save(p, e);
	if (bundle == NULL)
		exit(log_fail(e));
	{
		const struct gw_register r = { .run = id,
			.agent = "claude",
			.agent_version = "bench",
			.root = "/",
			.policy = bundle,
			.policy_sha256 = pol_digest(p) };

		if (gw_client_register(&r, &run, e) < 0)
			exit(log_fail(e));
	}
	return run;
}

static void
report(int64_t direct, int64_t through)
{
	printf("gateway, request of 100 KB, one connection, median of %d: direct %lld us, through "
	       "%lld us, added %lld us, ratio %.2f\n",
		ROUNDS, (long long)direct, (long long)through,
		(long long)(through - direct), (double)through / (double)direct);
}

int
main(void)
{
	static int64_t direct[ROUNDS], through[ROUNDS];
	CLEANUP(buf_fini) struct buf plain = BUF_INIT(BODY_SIZE + HEAD_MAX);
	CLEANUP(buf_fini) struct buf routed = BUF_INIT(BODY_SIZE + HEAD_MAX);
	struct err e = ERR_INIT;
	int provider, a, b;
	const pid_t pid = start_provider(&provider);
	const struct gw_run run = register_run(provider, &e);
	CLEANUP(mem_freep) char *prefix = mem_printf("/run/%s", run.token.hex);

	make_request(&plain, "");
	make_request(&routed, prefix);
	a = dial(provider);
	b = dial(run.port);
	for (int i = -WARM_UP; i < ROUNDS; i++) {
		const int64_t x = time_one(a, &plain);
		const int64_t y = time_one(b, &routed);

		if (i < 0)
			continue;
		direct[i] = x;
		through[i] = y;
	}
	qsort(direct, ROUNDS, sizeof *direct, by_value);
	qsort(through, ROUNDS, sizeof *through, by_value);
	report(direct[MIDDLE], through[MIDDLE]);
	(void)gw_client_stop(&e);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return 0;
}
