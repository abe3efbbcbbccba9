/*
 * pando-gateway: the local reverse proxy between the person's agents and their providers.
 *
 *   pando-gateway [--ready-fd N]
 *   pando-gateway --take-over FD
 *   pando-gateway --debug [--policy FILE] [--upstream URL] [--listen ADDRESS:PORT]
 *
 * --ready-fd   says there how it went, one line: "ready", "busy" (another gateway of this
 *              person runs) or the error; then closes it
 * --take-over  started by a gateway whose program was replaced (handover.h)
 * --debug      serves debugging runs in the foreground (debug.h)
 */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"
#include "base/place.h"
#include "gateway/debug.h"
#include "gateway/process.h"
#include "gateway/server.h"

struct options {
	bool debug;
	int ready; /* -1: nobody waits */
	struct gw_server_from from;
	struct gw_debug how;
};

static int
usage(const char *word, struct err *e)
{
	return err_set(e, ERR_USAGE,
		"%s: not known; usage: pando-gateway [--ready-fd N] | "
		"--take-over FD | --debug "
		"[--policy FILE] [--upstream URL] [--listen ADDRESS:PORT]",
		word);
}

static int
parse_fd(char **words, int *fd, struct err *e)
{
	char *end = NULL;

	*fd = (int)strtol(words[1], &end, 10);
	if (*end != '\0' || fd_set_cloexec(*fd, true, e) < 0)
		return err_set(e, ERR_USAGE, "%s %s: want an open descriptor", words[0],
			words[1]);
	return 0;
}

static int
parse(char **argv, struct options *o, struct err *e)
{
	const struct {
		const char *name;
		bool *flag; /* it has no value; else it is one of these */
		int *fd;
		const char **text; /* behind --debug only */
	} all[] = {
		{ "--debug", &o->debug, NULL, NULL },
		{ "--ready-fd", NULL, &o->ready, NULL },
		{ "--take-over", NULL, &o->from.channel, NULL },
		{ "--policy", NULL, NULL, &o->how.policy },
		{ "--upstream", NULL, NULL, &o->how.upstream },
		{ "--listen", NULL, NULL, &o->how.listen },
	};
	int got = 0;

	*o = (struct options){ .ready = -1, .from = { -1, -1 } };
	for (int i = 1; argv[i] != NULL && got == 0; i++) {
		size_t k = 0;

		while (k < LEN(all) && strcmp(argv[i], all[k].name) != 0)
			k++;
		if (k == LEN(all) || (all[k].flag == NULL && argv[i + 1] == NULL) ||
			(all[k].text != NULL && !o->debug))
			return usage(argv[i], e);
		if (all[k].flag != NULL)
			*all[k].flag = true;
		else if (all[k].fd != NULL)
			got = parse_fd(&argv[i++], all[k].fd, e);
		else
			*all[k].text = argv[++i];
	}
	return got;
}

/*
 * A socket that systemd listens on for us (sd_listen_fds(3)): the control socket, which starts
 * us at the first launch.
 */
static int
activation(void)
{
	enum { FIRST = 3 };
	const char *pid = getenv("LISTEN_PID");
	const char *n = getenv("LISTEN_FDS");
	struct err e = ERR_INIT;

	if (pid == NULL || n == NULL || strtol(pid, NULL, 10) != getpid() ||
		strcmp(n, "1") != 0 || fd_set_cloexec(FIRST, true, &e) < 0)
		return -1;
	return FIRST;
}

static void
tell(int *ready, const char *text)
{
	CLEANUP(mem_freep) char *line = mem_printf("%s\n", text);
	struct err e = ERR_INIT;

	if (*ready < 0)
		return;
	if (fd_write_all(*ready, str_of(line), &e) < 0)
		log_debug("who started us is gone: %s", e.text);
	fd_closep(ready);
}

static int
serve(struct options *o, struct err *e)
{
	struct gw_server s;
	const int got = gw_server_open(&s, &o->from, e);

	if (got > 0 && o->from.channel >= 0) {
		struct err gone = ERR_INIT;

		if (gw_server_inherit(&s, fd_take(&o->from.channel), &gone) < 0)
			log_error("the gateway before us is gone: %s", gone.text);
	}
	if (got > 0) {
		tell(&o->ready, "ready");
		gw_server_run(&s);
	} else if (got == 0) {
		tell(&o->ready, "busy");
		log_debug("another gateway runs");
	}
	gw_server_close(&s);
	return got < 0 ? -1 : 0;
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct options o;

	(void)argc; /* argv ends with NULL */
	log_name("pando-gateway");
	(void)umask(S_IRWXG | S_IRWXO);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return log_fail((err_sys(&e, "ignore SIGPIPE"), &e));
	if (gw_process_close(&e) < 0 || parse(argv, &o, &e) < 0)
		return log_fail(&e);
	o.from.control = activation();
	if (o.debug)
		return gw_debug_serve(&o.how, &e) < 0 ? log_fail(&e) : 0;
	if (serve(&o, &e) == 0)
		return 0;
	tell(&o.ready, e.text);
	if (o.from.channel >= 0)
		(void)gw_handover_say(
			o.from.channel, e.text, &(struct err)ERR_INIT); /* or it ends */
	return log_fail(&e);
}
