#ifndef INSTALL_HELP_H
#define INSTALL_HELP_H

/* The usage of all commands, and of one. */

#include <stdio.h>

#include "install/command.h"

void help_print(FILE *to);
void help_print_command(FILE *to, const struct command *c);

#endif
