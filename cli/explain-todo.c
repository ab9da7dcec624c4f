/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What to do: facts that are lacking, the guest's code, the host, and last what the device tree says of the
 * address.
 */
#include <stdlib.h>

#include "explain.h"

static void todo(struct account *account, char *advice)
{
	if (advice && account->todo_count < ACCOUNT_TODO)
		account->todo[account->todo_count++] = advice;
	else
		free(advice);
}

/* What is lacking to say more, and where it is to be had. */
static void todo_facts(struct account *account, enum explain_situation situation, bool with_tree, bool *ok)
{
	const struct incident *incident = account->incident;

	if (situation == SITUATION_NISV && !knows(incident, FACT_INSN) && knows(incident, FACT_PC))
		todo(account,
		     explain_text(
			     ok,
			     "find the instruction at pc 0x%llx (objdump -d of the guest's program, or x/i in a debugger) and "
			     "give it with --insn=WORD.",
			     (unsigned long long)incident->facts[FACT_PC]));
	if (situation == SITUATION_NISV && !knows(incident, FACT_PC) && !knows(incident, FACT_IPA))
		todo(account,
		     explain_text(
			     ok, "%s",
			     "turn on the trace event kvm_mmio_nisv on the host (echo 1 > "
			     "/sys/kernel/tracing/events/kvm/kvm_mmio_nisv/enable), run the guest again and give "
			     "/sys/kernel/tracing/trace to salvage explain: it has the address, the syndrome and the "
			     "pc."));
	if (situation == SITUATION_GUEST_EXTERNAL && !knows(incident, FACT_IPA))
		todo(account,
		     explain_text(
			     ok, "%s",
			     "find the physical address: look up the driver's region in /proc/iomem of the guest, and give "
			     "it with --ipa=ADDRESS and the device tree with --dtb=FILE."));
	else if (account->has_address && !with_tree && situation != SITUATION_SEA &&
		 situation != SITUATION_MEMORY)
		todo(account,
		     explain_text(
			     ok,
			     "give the guest's device tree with --dtb=FILE (/sys/firmware/fdt of the guest; QEMU writes it with "
			     "-M virt,dumpdtb=FILE) to see what lies at 0x%08llx.",
			     (unsigned long long)account->address));
}

static void todo_code(struct account *account, bool *ok)
{
	if (!explain_undescribed(account) || account->contradicted)
		return;
	for (unsigned language = 0; language <= 3; language++) {
		if (!explain_remedy(account->kind->remedy, language))
			continue;
		char *change = explain_change(account->kind, language);

		if (!change)
			*ok = false;
		todo(account, change);
	}
}

static void todo_situation(struct account *account, enum explain_situation situation, bool *ok)
{
	switch (situation) {
	case SITUATION_SEA:
	case SITUATION_MEMORY:
		todo(account,
		     explain_text(
			     ok, "%s",
			     "move the VM off this host and have its memory examined (rasdaemon, the BMC's log); count distinct "
			     "pages before deciding to replace a module."));
		break;
	case SITUATION_FSC:
		todo(account,
		     explain_text(
			     ok, "%s",
			     "find the memslot that is backed by a device (a passed-through or shared BAR) and keep unaligned "
			     "accesses, memcpy() and DC ZVA away from it in the guest."));
		break;
	case SITUATION_EFAULT:
		todo(account,
		     explain_text(
			     ok, "%s",
			     "check what backs the guest's memory: that the file is as long as the memslot, that its file "
			     "system (/dev/shm, hugetlbfs) has room, and that nothing truncated or unmapped it."));
		break;
	case SITUATION_GUEST_FAULT:
		todo(account,
		     explain_text(
			     ok, "%s",
			     "look for a bad pointer in that system's code at the pc, as on any machine: neither "
			     "KVM nor the VMM has a part in this."));
		break;
	case SITUATION_WALK:
		todo(account,
		     explain_text(
			     ok, "%s",
			     "check TTBR0_EL1 and TTBR1_EL1 of the guest, and that its page tables were built where it has "
			     "memory."));
		break;
	case SITUATION_FETCH:
		todo(account,
		     explain_text(
			     ok, "%s",
			     "check the entry point and load address of the guest's program, and the function pointer or return "
			     "address that led there."));
		break;
	default:
		break;
	}
}

void explain_todo(struct account *account, enum explain_situation situation, bool with_tree, bool *ok)
{
	todo_facts(account, situation, with_tree, ok);
	if (situation == SITUATION_NISV || situation == SITUATION_INSTRUCTION ||
	    situation == SITUATION_GUEST_EXTERNAL || situation == SITUATION_EXCLUSIVE ||
	    situation == SITUATION_CACHE || situation == SITUATION_GUEST_EXCLUSIVE)
		todo_code(account, ok);
	todo_situation(account, situation, ok);
	/* Where it lies comes last: what a reader remembers of a misconfigured guest. */
	if (account->placed && situation != SITUATION_SEA && situation != SITUATION_MEMORY)
		todo(account, explain_where_todo(account, ok));
}
