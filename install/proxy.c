#include "install/command.h"

#include <stdio.h>

#include "base/json/json.h"
#include "base/log.h"
#include "gateway/client.h"
#include "install/options.h"

static int
print_runs(const json_t *runs)
{
	size_t i;
	const json_t *run;

	json_array_foreach(runs, i, run)
	{
		const char *agent = json_text_of(run, "agent");
		const char *root = json_text_of(run, "root");
		const char *id = json_text_of(run, "run");

		printf("  run %s  %s  pid %lld  %s\n", id == NULL ? "?" : id,
			agent == NULL ? "?" : agent,
			(long long)json_integer_value(json_object_get(run, "pid")),
			root == NULL ? "?" : root);
	}
	return 0;
}

int
command_proxy_status(int argc, char **argv, struct err *e)
{
	static const struct options none_are = { "proxy status", NULL, 0, 0, 0 };
	CLEANUP(buf_fini) struct buf reply = BUF_INIT(GW_STATUS_MAX);
	CLEANUP(json_freep) json_t *j = NULL;
	int none;

	if (options_read(&none_are, argc, argv, e) < 0)
		return -1;
	none = gw_client_status(&reply, e);
	if (none < 0)
		return -1;
	if (none == 1) {
		puts("No gateway is running; the next launch starts one.");
		return 0;
	}
	j = json_parse(buf_str(&reply), e);
	if (j == NULL)
		return err_wrap(e, "the gateway's answer");
	printf("The gateway runs: pid %lld, port %lld of 127.0.0.1, %zu run(s).\n",
		(long long)json_integer_value(json_object_get(j, "pid")),
		(long long)json_integer_value(json_object_get(j, "port")),
		json_array_size(json_array_of(j, "runs")));
	return print_runs(json_array_of(j, "runs"));
}

int
command_proxy_stop(int argc, char **argv, struct err *e)
{
	static const struct options none_are = { "proxy stop", NULL, 0, 0, 0 };
	int none;

	if (options_read(&none_are, argc, argv, e) < 0)
		return -1;
	none = gw_client_stop(e);
	if (none >= 0)
		puts(none == 1 ? "No gateway was running." : "The gateway has ended.");
	return none < 0 ? -1 : 0;
}
