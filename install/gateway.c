#include "install/command.h"

#include <unistd.h>

#include "base/path.h"
#include "base/place.h"
#include "base/words.h"
#include "install/options.h"

/* The gateway takes our place, so that whoever started us measures and ends it itself. */
int
command_gateway(int argc, char **argv, struct err *e)
{
	static const char *const names[] = { "--policy", "--upstream", "--listen" };
	const char *values[LEN(names)] = { NULL };
	const struct option_is each[] = {
		{ names[0], NULL, &values[0] },
		{ names[1], NULL, &values[1] },
		{ names[2], NULL, &values[2] },
	};
	const struct options all = { "gateway", each, LEN(each), 0, 0 };
	CLEANUP(words_fini) struct words words = WORDS_INIT;
	CLEANUP(mem_freep) char *program = NULL;

	if (options_read(&all, argc, argv, e) < 0)
		return -1;
	program = place_program("pando-gateway", e);
	if (program == NULL)
		return -1;
	words_add(&words, "pando-gateway");
	words_add(&words, "--debug");
	for (size_t i = 0; i < LEN(names); i++)
		if (values[i] != NULL) {
			words_add(&words, names[i]);
			words_add(&words, values[i]);
		}
	(void)execve(program, words.v, environ);
	return err_sys(e, "start %s", program);
}
