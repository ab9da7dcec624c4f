/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What sort of incident the facts make, and the words for each sort. What KVM does: arch/arm64/kvm/mmu.c,
 * mmio.c and handle_exit.c of Linux 6.x.
 */
#include "explain.h"

/* The first word is for scripts. */
const struct situation explain_situations[] = {
	[SITUATION_NISV] =
		{"nisv",
		 "the guest accessed an address without memory, by an instruction that KVM cannot emulate",
		 "The address is not in a memslot, so the access is for a device, and the CPU gave no valid syndrome "
		 "(ISV=0). Without KVM_CAP_ARM_NISV_TO_USER, KVM_RUN fails with ENOSYS and the VMM ends the VM; with it "
		 "the VMM gets KVM_EXIT_ARM_NISV, and QEMU then gives the guest an external abort."},
	[SITUATION_CACHE] =
		{"cache",
		 "the guest did cache maintenance or address translation on an address without memory",
		 "The syndrome has CM=1. KVM skips such an instruction where there is no memslot; on a read-only memslot "
		 "it cannot, and hands it on as one without a valid syndrome."},
	[SITUATION_WALK] =
		{"walk", "the guest's translation tables lie where there is no memory",
		 "S1PTW=1: the CPU was reading a translation table of the guest's, and its address is in no memslot. KVM "
		 "gives the guest an external abort; no VMM is asked."},
	[SITUATION_DESCRIBED] =
		{"described",
		 "the guest accessed an address without memory, and the CPU described the access",
		 "ISV=1: KVM knows register and size and passes the access on as KVM_EXIT_MMIO. It is the VMM that has no "
		 "device there."},
	[SITUATION_UNCLAIMED] =
		{"unclaimed", "the VMM was asked for an access that none of its devices claims",
		 "The CPU described the access, KVM passed it on, and the VMM has nothing at the address. Most VMMs then "
		 "let the guest read zero or ones and drop writes: the guest goes on with false data."},
	[SITUATION_FETCH] =
		{"fetch", "the guest jumped to an address without memory",
		 "An Instruction Abort: the PC points to where no memslot is. KVM gives the guest an external abort on "
		 "the instruction fetch; there is nothing to emulate."},
	[SITUATION_SEA] =
		{"sea", "the guest consumed memory that the hardware could not read",
		 "A synchronous external abort, taken to EL2: memory or an interconnect failed. If the host's firmware does "
		 "not claim it, KVM gives the guest an SError, which ends it; with KVM_CAP_ARM_SEA_TO_USER the VMM gets "
		 "KVM_EXIT_ARM_SEA and can give it a synchronous abort instead, which ends one process of the guest."},
	[SITUATION_MEMORY] =
		{"memory", "a page of the host's memory failed",
		 "The host took the page out of service. A guest that has it mapped gets SIGBUS in its VMM at the next "
		 "access, and the VMM must tell the guest."},
	[SITUATION_EXCLUSIVE] =
		{"exclusive",
		 "the guest used an exclusive or atomic instruction where the hardware supports none",
		 "Fault status 0x35: the target or its memory type does not support exclusives or atomics. KVM returns "
		 "it to the guest as the same abort."},
	[SITUATION_LDST64B] =
		{"ldst64b", "the guest used a 64-byte load or store that is trapped",
		 "Exception class 0x0a: LD64B, ST64B, ST64BV or ST64BV0 without leave of the hypervisor. The guest gets "
		 "an Undefined Instruction exception unless KVM offers FEAT_LS64."},
	[SITUATION_FSC] =
		{"fsc", "the guest's access failed in a way that KVM does not handle",
		 "KVM handles translation, permission and access flag faults of stage 2. Any other fault status ends "
		 "KVM_RUN with EFAULT. An alignment fault here means that the page is mapped as Device memory: guest RAM "
		 "that is backed by a device, such as a graphics card's BAR, which takes no unaligned access and no DC ZVA."},
	[SITUATION_EFAULT] =
		{"efault", "KVM could not map a page that the guest accessed",
		 "KVM_RUN fails with EFAULT when the memory behind a memslot cannot be had: the file is shorter than the "
		 "memslot or full (/dev/shm), the mapping is gone or lacks permission, or a device behind it is off."},
	[SITUATION_GUEST_EXTERNAL] =
		{"guest-external", "a synchronous external abort in the system that printed this",
		 "The ESR is that system's own, and its ISV says nothing about KVM. In a guest such an abort comes from "
		 "KVM or the VMM, for one of three reasons: nothing is at the address; a device is, but the instruction "
		 "is one that KVM cannot emulate (QEMU injects an abort then); or memory of the host failed. On a "
		 "machine without a hypervisor it comes from the bus: a device that is off, without clock, or not there."},
	[SITUATION_GUEST_EXCLUSIVE] =
		{"guest-exclusive",
		 "an exclusive or atomic access that its target does not support, in the system that printed this",
		 "Fault status 0x35: exclusives and atomics need ordinary cacheable memory."},
	[SITUATION_GUEST_FAULT] =
		{"guest-fault", "a fault of stage 1, in the system that printed this",
		 "That system's own translation refused the access, for its address, its permissions or its alignment: "
		 "a bad pointer, most often. KVM takes no part in it and salvage is not asked."},
	[SITUATION_SERROR] =
		{"serror", "an SError: an error that cannot be laid to one instruction",
		 "Where a guest has it, KVM gives it for a memory error that nobody claimed, if the VMM does not ask for "
		 "KVM_EXIT_ARM_SEA; or a device answered a write with an error, long after."},
	[SITUATION_NOT_ABORT] = {"other", "this is no abort",
				 "The exception class is neither a data abort nor an instruction abort."},
	[SITUATION_INSTRUCTION] = {"instruction", "an instruction", ""},
	[SITUATION_ADDRESS] = {"address", "an address", ""},
};

static bool external(enum sv_fault_kind fault)
{
	return fault == SV_FAULT_EXTERNAL || fault == SV_FAULT_EXTERNAL_WALK || fault == SV_FAULT_PARITY ||
	       fault == SV_FAULT_PARITY_WALK;
}

static bool stage2(enum sv_fault_kind fault)
{
	return fault == SV_FAULT_TRANSLATION || fault == SV_FAULT_PERMISSION || fault == SV_FAULT_ACCESS_FLAG;
}

/* A syndrome alone: ESR_EL2 for the classes "from a lower Exception level", a guest's own for the others. */
static enum explain_situation judge_syndrome(uint64_t esr, bool guest)
{
	enum sv_fault_kind fault = sv_syndrome_fault_kind(SV_FSC(esr));
	unsigned ec = SV_EC(esr);
	bool fetch = ec == SV_EC_INSTRUCTION_LOWER || ec == SV_EC_INSTRUCTION;

	if (ec == SV_EC_SERROR)
		return SITUATION_SERROR;
	if (ec == SV_EC_LDST64B)
		return SITUATION_LDST64B;
	if (!fetch && ec != SV_EC_DATA_LOWER && ec != SV_EC_DATA)
		return SITUATION_NOT_ABORT;
	if (guest || ec == SV_EC_DATA || ec == SV_EC_INSTRUCTION)
		return external(fault)               ? SITUATION_GUEST_EXTERNAL
		       : fault == SV_FAULT_EXCLUSIVE ? SITUATION_GUEST_EXCLUSIVE
						     : SITUATION_GUEST_FAULT;
	if (external(fault))
		return SITUATION_SEA;
	if (fault == SV_FAULT_EXCLUSIVE)
		return SITUATION_EXCLUSIVE;
	if (!stage2(fault))
		return SITUATION_FSC;
	if (esr & SV_ESR_S1PTW)
		return SITUATION_WALK;
	if (fetch)
		return SITUATION_FETCH;
	if (esr & SV_ESR_CM)
		return SITUATION_CACHE;
	return esr & SV_ESR_ISV ? SITUATION_DESCRIBED : SITUATION_NISV;
}

enum explain_situation explain_judge(const struct incident *incident)
{
	unsigned guest = incident->messages & EXPLAIN_GUEST;

	if (said(incident, MESSAGE_HOST_MEMORY))
		return SITUATION_MEMORY;
	if (said(incident, MESSAGE_VMM_HOLE))
		return SITUATION_UNCLAIMED;
	if (knows(incident, FACT_NISV))
		return incident->facts[FACT_NISV] & SV_ESR_CM ? SITUATION_CACHE : SITUATION_NISV;
	if (knows(incident, FACT_ESR))
		return judge_syndrome(incident->facts[FACT_ESR], guest);
	if (said(incident, MESSAGE_GUEST_SERROR))
		return SITUATION_SERROR;
	if (guest)
		return SITUATION_GUEST_FAULT;
	if (said(incident, MESSAGE_HOST_FSC))
		return SITUATION_FSC;
	if (said(incident, MESSAGE_HOST_MAP) || said(incident, MESSAGE_VMM_EFAULT))
		return SITUATION_EFAULT;
	if (incident->messages)
		return SITUATION_NISV;
	return knows(incident, FACT_INSN) ? SITUATION_INSTRUCTION : SITUATION_ADDRESS;
}
