/*
 * Any message, answered by the real operations over a small project in a scratch directory:
 * the reply must be one JSON object with "ok", and a descriptor only comes with a success.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fdio.h"
#include "base/json/json.h"
#include "base/path.h"
#include "keeper/serve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char top[] = "/tmp/pando-fuzz-XXXXXX";
static struct keeper keeper;

static void
finish(void)
{
	CLEANUP(fd_closep) int tmp = -1;
	struct err e = ERR_INIT;

	keeper_close(&keeper);
	tmp = path_open_dir("/tmp", &e);
	if (path_remove_tree(tmp, path_base(top), &e) < 0)
		abort();
}

static void
start(void)
{
	CLEANUP(mem_freep) char *root = NULL;
	CLEANUP(mem_freep) char *file = NULL;
	struct err e = ERR_INIT;

	if (mkdtemp(top) == NULL || setenv("HOME", top, 1) < 0 ||
		unsetenv("PANDO_GATEWAY_LOG_FILE") < 0)
		abort();
	root = path_join(top, "root");
	file = path_join(root, "f");
	if (path_mkdirs(root, S_IRWXU, &e) < 0 ||
		path_write(file, STR("x"), S_IRWXU, &e) < 0 ||
		keeper_open(&keeper, root, &e) < 0 || atexit(finish) != 0) {
		(void)fprintf(stderr, "%s\n", e.text);
		abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP(buf_fini) struct buf reply = BUF_INIT(KEEPER_MSG_MAX);
	CLEANUP(json_freep) json_t *j = NULL;
	CLEANUP(fd_closep) int memfd = -1;
	struct err e = ERR_INIT;
	const json_t *ok;

	if (keeper.path == NULL)
		start();
	keeper.logged = 0;
	if (n > KEEPER_MSG_MAX)
		return 0;
	serve_message(&keeper, (struct str){ (const char *)data, n }, &reply, &memfd);
	j = json_parse(buf_str(&reply), &e);
	ok = json_object_get(j, "ok");
	if (reply.over || !json_is_boolean(ok) || (json_is_false(ok) && memfd >= 0))
		abort();
	return 0;
}
