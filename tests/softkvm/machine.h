/* SPDX-License-Identifier: BSD-2-Clause */
/* A VM with 64 KiB of RAM and one vCPU, as tests of softkvm want it. */
#ifndef SOFTKVM_MACHINE_H
#define SOFTKVM_MACHINE_H

#include "support/check.h"

#include <salvage/softkvm.h>

#include "kvm/uapi.h"

#define RAM      UINT64_C(0x40000000)
#define RAM_SIZE UINT64_C(0x10000)
#define ROM      UINT64_C(0x20000000) /* 4 KiB, read-only, over the end of RAM */
#define HOLE     UINT64_C(0x0a000000)
#define PAGE     UINT64_C(4096)

struct machine {
	struct sv_soft *soft;
	int kvm, vm, vcpu;
	struct sv_kvm_run *run;
	uint8_t *ram; /* RAM_SIZE bytes, page-aligned */
	unsigned sigbus_count;
	int sigbus_code;
	void *sigbus_address;
	unsigned sigbus_lsb;
};

/* config may be NULL; its sigbus is replaced by one that notes it in the machine. */
void machine_open(struct machine *machine, const struct sv_soft_config *config);
void machine_close(struct machine *machine);

int machine_ioctl(struct machine *machine, int fd, unsigned long request, void *argument);
int machine_enable(struct machine *machine, uint32_t capability);
int machine_run(struct machine *machine);
int machine_slot(struct machine *machine, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size,
		 void *host);
/* A second vCPU and so on; the descriptor. */
int machine_add_vcpu(struct machine *machine, unsigned id, uint32_t features);

uint64_t machine_get(struct machine *machine, uint64_t id);
void machine_set(struct machine *machine, uint64_t id, uint64_t value);

#define GPR(n) SV_KVM_CORE((n)*8)
#define PC     SV_KVM_CORE(SV_KVM_CORE_PC)
#define PSTATE SV_KVM_CORE(SV_KVM_CORE_PSTATE)
#define ELR    SV_KVM_CORE(SV_KVM_CORE_ELR_EL1)
#define SPSR   SV_KVM_CORE(SV_KVM_CORE_SPSR_EL1)
#define ESR    SV_KVM_SYSREG(UINT64_C(3), 0, 5, 2, 0)
#define FAR    SV_KVM_SYSREG(UINT64_C(3), 0, 6, 0, 0)
#define VBAR   SV_KVM_SYSREG(UINT64_C(3), 0, 12, 0, 0)
#define SCTLR  SV_KVM_SYSREG(UINT64_C(3), 0, 1, 0, 0)
#define TCR    SV_KVM_SYSREG(UINT64_C(3), 0, 2, 0, 2)
#define TTBR0  SV_KVM_SYSREG(UINT64_C(3), 0, 2, 0, 0)
#define MPIDR  SV_KVM_SYSREG(UINT64_C(3), 0, 0, 0, 5)
#define MIDR   SV_KVM_SYSREG(UINT64_C(3), 0, 0, 0, 0)

#endif
