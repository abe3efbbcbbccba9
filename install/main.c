/* pando-ai: the command that a person types. See pando-ai(1). */

#include <stdio.h>

#include "base/log.h"
#include "base/str.h"
#include "install/command.h"

#define PANDO_VERSION "0.1.0"

struct command {
	const char *name;
	int (*run)(int argc, char **argv, struct err *e);
	const char *words, *does;
};

static const struct command commands[] = {
	{ "install", command_install, "",
		"put the claude and codex shims in ~/.pando/bin" },
	{ "uninstall", command_uninstall, "", "take them away again" },
	{ "status", command_status, "", "tell what is supervised and what is not" },
	{ "logs", command_logs, "[--run ID] [-n COUNT] [--json]",
		"show the last decisions" },
	{ "policy", command_policy, "check [FILE]", "check a policy file" },
	{ "proxy", command_proxy, "status | stop", "look at or end the gateway" },
	{ "demo", command_demo, "[--agent NAME]",
		"show the real agents under supervision" },
};

static void
print_usage(FILE *to)
{
	(void)fputs("usage: pando-ai COMMAND\n\n", to);
	for (size_t i = 0; i < LEN(commands); i++)
		(void)fprintf(to, "  %-9s %-31s %s\n", commands[i].name,
			commands[i].words, commands[i].does);
	(void)fputs("\nAfterwards type claude and codex as always.\n", to);
}

static int
run(int argc, char **argv, struct err *e)
{
	for (size_t i = 0; i < LEN(commands); i++)
		if (strcmp(argv[0], commands[i].name) == 0)
			return commands[i].run(argc, argv, e);
	if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "help") == 0) {
		print_usage(stdout);
		return 0;
	}
	if (strcmp(argv[0], "--version") == 0) {
		puts("pando-ai " PANDO_VERSION);
		return 0;
	}
	return err_set(e, ERR_USAGE,
		"there is no command '%s': 'pando-ai --help' lists them", argv[0]);
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	int status;

	log_name("pando-ai");
	if (argc < 2) {
		print_usage(stderr);
		return err_exit_status(&(struct err){ .code = ERR_USAGE });
	}
	status = run(argc - 1, argv + 1, &e);
	if (status >= 0 && (fflush(stdout) != 0 || ferror(stdout) != 0))
		status = err_sys(&e, "%s: write to standard output", argv[1]);
	return status < 0 ? log_fail(&e) : status;
}
