/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SRC_ABORT_POLICY_H
#define SRC_ABORT_POLICY_H

#include <stdbool.h>

#include <salvage/policy.h>

/* Whether an action makes sense for a cause at all: a word that cannot be decoded cannot be emulated. */
bool sv_action_possible(enum sv_cause cause, enum sv_action action);

/* sv_policy_find for an access to first..last: the most specific rule about any of its bytes. */
const struct sv_rule *sv_policy_find_range(const struct sv_policy *policy, enum sv_cause cause,
					   enum sv_class iclass, uint64_t first, uint64_t last);

#endif
