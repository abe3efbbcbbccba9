#include "install/command.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json/json.h"
#include "base/log.h"
#include "base/path.h"
#include "base/place.h"
#include "policy/record.h"

enum { LOGS_DEFAULT = 40, LOGS_MOST = 100000, TIME_AT = 11 };

struct view {
	const char *run; /* only this one, NULL: all */
	long most;
	bool json, colour;
};

static int
read_words(int argc, char **argv, struct view *v, struct err *e)
{
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "--json") == 0) {
			v->json = true;
		} else if (strcmp(argv[i], "--run") == 0 && value != NULL) {
			v->run = value;
			i++;
		} else if (strcmp(argv[i], "-n") == 0 && value != NULL) {
			char *end;

			v->most = strtol(value, &end, 10);
			if (*end != '\0' || v->most < 1 || v->most > LOGS_MOST)
				return err_set(e, ERR_USAGE, "logs: -n takes 1 to %d",
					LOGS_MOST);
			i++;
		} else {
			return err_set(e, ERR_USAGE,
				"usage: pando-ai logs [--run ID] [-n COUNT] [--json]");
		}
	}
	return 0;
}

/* The log holds foreign names: nothing of it reaches the terminal raw. */
static const char *
field(const json_t *j, const char *key, char out[LOG_QUOTED_MAX])
{
	const char *t = json_text_of(j, key);

	return log_quoted(str_of(t), out);
}

static const char *
colour_of(const struct view *v, const char *verdict)
{
	if (!v->colour || verdict[0] == '\0')
		return "";
	return strcmp(verdict, "deny") == 0    ? "\x1b[31m"
	       : strcmp(verdict, "allow") == 0 ? "\x1b[32m"
					       : "\x1b[33m";
}

/* 13:53:56 claude gateway_call_replaced  deny  Bash   native_tools.default  built-in */
static void
print_line(const struct view *v, const json_t *j)
{
	enum { TS, AGENT, EVENT, VERDICT, SERVER, TOOL, RULE, AT, FIELDS };
	static const char *const keys[FIELDS] = { "ts", "agent", "event", "verdict",
		"server", "tool", "rule", "at" };
	char text[FIELDS][LOG_QUOTED_MAX];
	char note[LOG_QUOTED_MAX];
	CLEANUP(mem_freep) char *tool = NULL;

	for (int i = 0; i < FIELDS; i++)
		(void)field(j, keys[i], text[i]);
	tool = mem_printf("%s%s%s", text[SERVER], text[SERVER][0] == '\0' ? "" : "/",
		text[TOOL][0] != '\0' ? text[TOOL] : field(j, "note", note));
	printf("%.8s %-6s %-28s %s%-5s%s %-32s %s  %s\n",
		strlen(text[TS]) > TIME_AT ? text[TS] + TIME_AT : "--:--:--",
		text[AGENT][0] != '\0' ? text[AGENT] : "-", text[EVENT],
		colour_of(v, text[VERDICT]), text[VERDICT], v->colour ? "\x1b[0m" : "",
		tool, text[RULE], text[AT]);
}

static void
show_line(const struct view *v, struct str line)
{
	struct err e = ERR_INIT;
	CLEANUP(json_freep) json_t *j = json_parse(line, &e);

	char text[LOG_QUOTED_MAX];

	if (v->json)
		printf(STR_FMT "\n", STR_ARG(line));
	else if (j == NULL)
		printf("%s\n", log_quoted(line, text));
	else
		print_line(v, j);
}

static bool
is_wanted(const struct view *v, struct str line)
{
	CLEANUP(json_freep) json_t *j = NULL;
	struct err e = ERR_INIT; /* a line that is not JSON belongs to no run */
	const char *run;

	if (v->run == NULL)
		return true;
	if (memmem(line.p, line.n, v->run, strlen(v->run)) == NULL)
		return false; /* most lines, without the cost of parsing them */
	j = json_parse(line, &e);
	run = json_text_of(j, "run");
	return run != NULL && strcmp(run, v->run) == 0;
}

/* The start of the last `most` wanted lines. */
static size_t
find_start(const struct view *v, struct str all)
{
	long found = 0;
	size_t at = all.n;

	while (at > 0 && found < v->most) {
		size_t begin = at - 1;

		while (begin > 0 && all.p[begin - 1] != '\n')
			begin--;
		found += is_wanted(v, (struct str){ all.p + begin, at - begin });
		at = begin;
	}
	return at;
}

int
command_logs(int argc, char **argv, struct err *e)
{
	struct view v = { .most = LOGS_DEFAULT, .colour = isatty(STDOUT_FILENO) };
	CLEANUP(buf_fini) struct buf text = BUF_INIT((size_t)REC_MAX_BYTES + REC_LINE_MAX);
	CLEANUP(mem_freep) char *path = NULL;
	struct str rest;

	if (read_words(argc, argv, &v, e) < 0)
		return -1;
	path = place_decision_log(e);
	if (path == NULL)
		return -1;
	if (access(path, F_OK) < 0) {
		printf("Nothing has been decided yet: %s does not exist.\n", path);
		return 0;
	}
	if (path_read(path, &text, e) < 0)
		return -1;
	rest = str_skip(buf_str(&text), find_start(&v, buf_str(&text)));
	while (rest.n > 0) {
		const char *nl = memchr(rest.p, '\n', rest.n);
		const size_t n = nl == NULL ? rest.n : (size_t)(nl - rest.p);
		const struct str line = { rest.p, n };

		if (is_wanted(&v, line))
			show_line(&v, line);
		rest = str_skip(rest, nl == NULL ? n : n + 1);
	}
	return 0;
}
