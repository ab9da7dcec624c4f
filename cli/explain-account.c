/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the facts of an incident to an account of it: what it was, why, what lies at the address, what salvage
 * would do, what to do.
 */
#include <stdlib.h>
#include <string.h>

#include <salvage/abort.h>

#include "explain.h"

static bool described(const struct sv_insn *insn)
{
	return insn->row->flags & SV_ROW_ISV;
}

/* The registers in the log, for sv_plan_address. */
static enum sv_status get_register(void *vcpu, enum sv_reg reg, uint64_t *value)
{
	const struct incident *incident = vcpu;

	if (reg > SV_X30 || !(incident->x_known >> reg & 1))
		return SV_REGISTER;
	*value = incident->x[reg];
	return SV_OK;
}

/*
 * Whether the word can have caused the abort, as far as direction tells. KVM leaves WnR out of the aborts
 * that it injects, so a guest's own syndrome proves nothing; and not decoded rows have rules of their own.
 */
static bool contradicts(const struct incident *incident, const struct sv_insn *insn)
{
	int hole = sv_row_wnr(insn->row, false), WnR;

	if (knows(incident, FACT_NISV))
		WnR = !!(incident->facts[FACT_NISV] & SV_ESR_WnR);
	else if (knows(incident, FACT_ESR) && SV_EC(incident->facts[FACT_ESR]) == SV_EC_DATA_LOWER)
		WnR = !!(incident->facts[FACT_ESR] & SV_ESR_WnR);
	else
		return false;
	/* An atomic's depends on whether the address could be read, which a log does not tell. */
	return hole >= 0 && hole == sv_row_wnr(insn->row, true) && hole != WnR;
}

/* Where it matters what the CPU describes to a hypervisor. */
static bool about_syndrome(enum explain_situation situation)
{
	return situation == SITUATION_NISV || situation == SITUATION_DESCRIBED ||
	       situation == SITUATION_UNCLAIMED || situation == SITUATION_CACHE ||
	       situation == SITUATION_EXCLUSIVE || situation == SITUATION_GUEST_EXTERNAL ||
	       situation == SITUATION_INSTRUCTION;
}

static void read_instruction(struct account *account, enum explain_situation situation, bool *ok)
{
	static const struct sv_regs_ops ops = {.get = get_register};
	const struct incident *incident = account->incident;
	uint64_t pc = knows(incident, FACT_PC) ? incident->facts[FACT_PC] : 0;
	struct sv_context context = {.pc = pc};
	struct sv_plan plan;
	const char *class;
	uint32_t word;

	if (!knows(incident, FACT_INSN))
		return;
	word = (uint32_t)incident->facts[FACT_INSN];
	account->kind = explain_insn_kind(word);
	account->decoded = sv_decode(SV_A64, word, &account->insn) == SV_OK;
	if (!account->decoded) {
		account->instruction =
			!account->kind->name && situation == SITUATION_INSTRUCTION
				? explain_text(ok, "%08x is no load or store: it accesses no device.", word)
			: !account->kind->name
				? explain_text(
					  ok,
					  "%08x is no load or store: the abort was not of this instruction, or the word "
					  "was read from the wrong place.",
					  word)
			: *account->kind->why
				? explain_text(
					  ok,
					  "%08x is of the kind \"%s\", which this version does not decode. For it %s.",
					  word, account->kind->name, account->kind->why)
				: explain_text(
					  ok,
					  "%08x is of the kind \"%s\", which this version does not decode.",
					  word, account->kind->name);
		return;
	}
	sv_insn_format(&account->insn, pc, account->disassembly, sizeof(account->disassembly));
	account->contradicted = contradicts(incident, &account->insn);
	class = sv_class_name(account->insn.row->iclass);
	if (!about_syndrome(situation))
		account->instruction = explain_text(ok, "%s (class %s).", account->disassembly, class);
	else if (account->contradicted)
		account->instruction = explain_text(
			ok,
			"%s %s memory, and the syndrome says WnR=%u: this is not the instruction that "
			"aborted. The code has changed since, or the word was read from the wrong place.",
			account->disassembly, account->insn.row->flags & SV_ROW_STORE ? "writes" : "reads",
			!(account->insn.row->flags & SV_ROW_STORE));
	else if (described(&account->insn))
		account->instruction = explain_text(
			ok,
			"%s (class %s): the CPU describes this one to KVM, which passes it to the VMM as "
			"KVM_EXIT_MMIO. It is not what KVM stumbles over.",
			account->disassembly, class);
	else
		account->instruction = explain_text(ok, "%s (class %s): for it %s.", account->disassembly,
						    class, account->kind->why);
	if ((account->insn.row->mode != SV_MODE_LITERAL || pc) &&
	    sv_plan_address(&account->insn, &context, &ops, (void *)incident, &plan) == SV_OK) {
		account->va = plan.va;
		account->has_va = true;
	}
}

/*
 * The address to look for. A virtual one is as good only where the guest runs without translation, or with an
 * identity map.
 */
static bool find_address(struct account *account)
{
	const struct incident *incident = account->incident;
	bool has_far = knows(incident, FACT_FAR);
	uint64_t far = has_far ? incident->facts[FACT_FAR] : account->va;

	if (knows(incident, FACT_IPA)) {
		account->address = incident->facts[FACT_IPA];
		return true;
	}
	if ((!has_far && !account->has_va) || incident->messages & EXPLAIN_GUEST || far >> 40)
		return false;
	account->address = far;
	account->assumed = true;
	return true;
}

bool explain_undescribed(const struct account *account)
{
	if (!account->kind)
		return false;
	return account->decoded ? !described(&account->insn) : account->kind->name && *account->kind->why;
}

/* The cause under which salvage would meet this, or SV_CAUSE_COUNT if it would not. */
static enum sv_cause cause(const struct account *account, enum explain_situation situation)
{
	bool hole = account->placed && account->place.kind == PLACE_HOLE;

	switch (situation) {
	case SITUATION_GUEST_EXTERNAL:
		if (account->kind && !explain_undescribed(account))
			return SV_CAUSE_HOLE;
		break;
	case SITUATION_NISV:
	case SITUATION_INSTRUCTION:
		break;
	case SITUATION_DESCRIBED:
	case SITUATION_UNCLAIMED:
		return SV_CAUSE_HOLE;
	case SITUATION_CACHE: /* KVM hands on what it cannot skip, and this version performs none of it */
		return account->decoded ? sv_row_cause(account->insn.row) : SV_CAUSE_UNDECODABLE;
	default: /* memory errors among them: no exit of KVM's is explained for those */
		return SV_CAUSE_COUNT;
	}
	if (account->kind && !account->decoded)
		return account->kind->name || situation != SITUATION_INSTRUCTION ? SV_CAUSE_UNDECODABLE
										 : SV_CAUSE_COUNT;
	if (account->contradicted)
		return SV_CAUSE_MISMATCH;
	if (account->kind && !explain_undescribed(account))
		return situation == SITUATION_INSTRUCTION ? SV_CAUSE_HOLE : SV_CAUSE_MISMATCH;
	if (account->placed && account->place.kind == PLACE_MEMORY)
		return SV_CAUSE_MISMATCH;
	if (account->decoded && account->insn.row->refusal)
		return sv_row_cause(account->insn.row);
	if (account->placed && account->place.kind == PLACE_DEVICE && account->place.at.controller)
		return SV_CAUSE_UNSUPPORTED;
	return hole ? SV_CAUSE_HOLE : SV_CAUSE_NISV;
}

static const char *const deeds[] = {
	[SV_ACTION_EMULATE] = "perform it for the guest, one device access at a time, and let it go on",
	[SV_ACTION_INJECT] = "give the guest an external abort at the address, and report it",
	[SV_ACTION_IGNORE] = "let it read zero, or drop what it wrote, and go on",
	[SV_ACTION_OBSERVE] = "report it, and do what happens without salvage",
	[SV_ACTION_STOP] = "stop the vcpu and leave the decision to the VMM",
	[SV_ACTION_RESTART] = "stop the vcpu and ask the VMM to restart the VM",
	[SV_ACTION_DUMP] = "stop the vcpu and ask the VMM for a dump",
};

/* What the deed still hangs on. */
static const char *condition(const struct account *account)
{
	if (account->cause == SV_CAUSE_NISV && !account->placed)
		return "if a device is at the address, ";
	if (account->cause == SV_CAUSE_HOLE && !account->placed)
		return "if nothing is at the address, ";
	if (account->cause == SV_CAUSE_UNSUPPORTED && !(account->decoded && account->insn.row->refusal))
		return "if the interrupt controller is in the kernel, where userspace cannot reach it, ";
	return "";
}

/* Where the address is not known, a rule for a range of addresses cannot be said to hold. */
static struct sv_rule find_rule(const struct account *account, const struct sv_policy *policy,
				enum sv_class iclass)
{
	struct sv_rule candidates[2];
	struct sv_policy general = {.rules = candidates, .capacity = 2};
	const struct sv_rule *best;

	if (account->has_address)
		return *sv_policy_find(policy, account->cause, iclass, account->address);
	for (size_t i = 0; i < policy->count; i++) {
		if (policy->rules[i].first || policy->rules[i].last != UINT64_MAX)
			continue;
		candidates[general.count++] = policy->rules[i];
		best = sv_policy_find(&general, account->cause, iclass, 0);
		general.count = best == &candidates[0] || best == &candidates[1];
		candidates[0] = *best;
	}
	return *sv_policy_find(&general, account->cause, iclass, 0);
}

static void judge_policy(struct account *account, const struct sv_policy *policy,
			 enum explain_situation situation, bool *ok)
{
	enum sv_class iclass = account->decoded ? (enum sv_class)account->insn.row->iclass : SV_CLASS_COUNT;

	account->cause = account->origin ? SV_CAUSE_COUNT : cause(account, situation);
	if (situation == SITUATION_ADDRESS ||
	    (account->kind && !account->kind->name && situation == SITUATION_INSTRUCTION))
		return;
	if (account->cause == SV_CAUSE_COUNT) {
		account->would = explain_text(
			ok, "%s",
			situation == SITUATION_SEA || situation == SITUATION_MEMORY
				? "salvage would record the page and give the guest the same abort (rules sea and poison)."
				: "salvage takes no part in this.");
		return;
	}
	account->rule = find_rule(account, policy, iclass);
	account->would = explain_text(ok, "%s%s%ssalvage would %s%s (rule %s).", condition(account),
				      account->decoded ? sv_refusal_text(account->insn.row->refusal) : "",
				      account->decoded && account->insn.row->refusal ? "; " : "",
				      account->cause == SV_CAUSE_MISMATCH
					      ? "let the guest run it again a few times, and if it stays so, "
					      : "",
				      deeds[account->rule.action], account->rule.text);
}

/*
 * KVM leaves WnR, FnV and SET clear in the aborts that it injects, so a set one tells where an abort did not
 * come from.
 */
static char *origin(const struct incident *incident, enum explain_situation situation, bool *ok)
{
	uint64_t esr = incident->facts[FACT_ESR];
	bool data = SV_EC(esr) == SV_EC_DATA || SV_EC(esr) == SV_EC_DATA_LOWER;

	if (situation != SITUATION_GUEST_EXTERNAL || !knows(incident, FACT_ESR))
		return NULL;
	if (!(esr & (SV_ESR_FnV | SV_ESR_SET)) && !(data && esr & SV_ESR_WnR))
		return NULL;
	return explain_text(
		ok, "%s",
		"WnR, FnV or SET is set here, and KVM leaves them clear in the aborts that it injects: this one "
		"came from the hardware, or from an emulator.");
}

bool explain_account(const struct incident *incident, const struct vmm_tree *tree,
		     const struct sv_policy *policy, struct account *account)
{
	enum explain_situation situation = explain_judge(incident);
	bool ok = true;

	*account = (struct account){.incident = incident, .cause = SV_CAUSE_COUNT};
	account->situation = explain_situations[situation].word;
	account->title = explain_situations[situation].title;
	account->why = explain_situations[situation].why;
	read_instruction(account, situation, &ok);
	account->has_address = find_address(account);
	if (account->has_address && tree) {
		vmm_tree_find(tree, account->address, &account->place);
		account->placed = true;
		account->where = explain_where(account, &ok);
	}
	account->origin = origin(incident, situation, &ok);
	judge_policy(account, policy, situation, &ok);
	explain_todo(account, situation, tree != NULL, &ok);
	return ok;
}

void explain_free(struct account *account)
{
	free(account->instruction);
	free(account->origin);
	free(account->where);
	free(account->would);
	for (size_t i = 0; i < account->todo_count; i++)
		free(account->todo[i]);
}
