#ifndef INSTALL_POLICY_ADVICE_H
#define INSTALL_POLICY_ADVICE_H

/* What a person would have to change for another answer: which file, which key or rule. Pure. */

#include "base/words.h"
#include "policy/policy.h"

/* Lines of plain text, added. Texts of the call are in it: print them harmless. */
void advice_put(struct words *out, const struct policy *p, const struct pol_use *u,
	const struct pol_decision *d);

/* The managed file has lock = true: no other file can allow what it does not. */
bool advice_is_locked(const struct policy *p);

#endif
