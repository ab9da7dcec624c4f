/* SPDX-License-Identifier: BSD-2-Clause */
#include <salvage/ras.h>

struct sv_thresholds sv_thresholds(const struct sv_policy *policy, uint64_t distinct)
{
	struct sv_thresholds result = {.rule = sv_policy_threshold(policy, SV_CAUSE_SEA, distinct)};

	result.action = result.rule ? (enum sv_action)result.rule->action : SV_ACTION_COUNT;
	for (size_t i = 0; policy && i < policy->count; i++) {
		const struct sv_rule *rule = &policy->rules[i];

		if (rule->cause == SV_CAUSE_SEA && rule->threshold > distinct &&
		    (!result.next || rule->threshold < result.next))
			result.next = rule->threshold;
	}
	return result;
}
