#include "install/demo_watch.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/json/json.h"
#include "base/path.h"

enum { LOG_MAX = 64 << 20, FILE_MAX = 65536 };

static struct str
next_line(struct str *rest)
{
	const char *nl = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;
	const struct str line = { rest->p,
		nl == NULL ? rest->n : (size_t)(nl - rest->p) };

	*rest = str_skip(*rest, nl == NULL ? line.n : line.n + 1);
	return line;
}

json_t *
watch_lines(const char *file, size_t skip, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(LOG_MAX);
	json_t *lines = json_array();
	struct str rest;

	if (path_read(file, &text, e) < 0) {
		json_decref(lines);
		return NULL;
	}
	rest = buf_str(&text);
	for (size_t i = 0; rest.n > 0; i++) {
		const struct str line = next_line(&rest);
		json_t *j = i < skip ? NULL : json_parse(line, e);

		if (i < skip)
			continue;
		if (j == NULL) {
			(void)err_wrap(e, "%s:%zu", file, i + 1);
			json_decref(lines);
			return NULL;
		}
		(void)json_array_append_new(lines, j);
	}
	return lines;
}

size_t
watch_count(const char *file)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(LOG_MAX);
	struct err e = ERR_INIT; /* not there yet: no lines */
	struct str rest;
	size_t n = 0;

	if (path_read(file, &text, &e) < 0)
		return 0;
	for (rest = buf_str(&text); rest.n > 0; n++)
		(void)next_line(&rest);
	return n;
}

const json_t *
watch_tools(const json_t *requests)
{
	const json_t *r;
	size_t i;

	json_array_foreach(requests, i, r)
	{
		if (json_array_of(r, "tools") != NULL &&
			!json_is_true(json_object_get(r, "aux")))
			return json_array_of(r, "tools");
	}
	return NULL;
}

bool
watch_only_pando(const json_t *tools)
{
	const json_t *t;
	size_t i;

	json_array_foreach(tools, i, t)
	{
		const char *name = json_string_value(t);

		if (name == NULL ||
			(strncmp(name, "mcp__pando_core", 15) != 0 &&
				strncmp(name, "mcp__pando_workspace", 20) != 0))
			return false;
	}
	return json_array_size(tools) > 0;
}

bool
watch_result_has(const json_t *requests, const char *text)
{
	const json_t *r, *result;
	size_t i, k;

	json_array_foreach(requests, i, r)
	{
		json_array_foreach(json_array_of(r, "results"), k, result)
		{
			if (json_is_string(result) &&
				strstr(json_string_value(result), text) != NULL)
				return true;
		}
	}
	return false;
}

const json_t *
watch_decision(const json_t *lines, const char *event, const char *tool)
{
	const json_t *j;
	size_t i;

	json_array_foreach(lines, i, j)
	{
		const char *name = json_text_of(j, "tool");

		if (strcmp(json_text_of(j, "event"), event) == 0 &&
			(tool == NULL || (name != NULL && strcmp(name, tool) == 0)))
			return j;
	}
	return NULL;
}

bool
watch_exists(const char *dir, const char *name)
{
	CLEANUP(mem_freep) char *path = path_join(dir, name);

	return access(path, F_OK) == 0;
}

bool
watch_file_is(const char *dir, const char *name, const char *text)
{
	CLEANUP(mem_freep) char *path = path_join(dir, name);
	CLEANUP(buf_fini) struct buf have = BUF_INIT(FILE_MAX);
	struct err e = ERR_INIT; /* a file that cannot be read is not the text */

	return path_read(path, &have, &e) == 0 && str_eq(buf_str(&have), str_of(text));
}
