/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VMM for tests of the shim: its requests go through the shim to softkvm, its guests are a few words, and
 * the helper is a thread that keeps what it is told.
 */
#ifndef SHIM_VMM_H
#define SHIM_VMM_H

#include "support/check.h"

#include <pthread.h>

#include <salvage/softkvm.h>

#include "../../shim/shim.h"
#include "kvm/vcpu.h"

#define RAM      UINT64_C(0x40000000)
#define RAM_SIZE UINT64_C(0x400000)
#define CODE     (RAM + 0x1000)
#define VECTORS  (RAM + 0x8000)
#define TREE     (RAM + 0x200000) /* where VMM_TREE puts the device tree */
#define DEVICE   UINT64_C(0x09000000)
#define HOLE     UINT64_C(0x0b000000)

/* Where the guest's exceptions end: WFI would sleep, so it is a power-off. */
#define POWER_OFF 0x84000008u /* PSCI SYSTEM_OFF, in w0 */

enum {
	VMM_NO_TREE = 1,   /* the guest has no device tree: DEVICE is a hole */
	VMM_TREE_X0 = 2,   /* x0 points to it; else it is where the RAM begins, or */
	VMM_TREE_STUB = 4, /* a literal at the PC does, or */
	VMM_TREE_FAR = 8,  /* nothing does */
};

#define VMM_MESSAGES 64

struct vmm {
	struct sv_soft *soft;
	int kvm, vm, vcpu;
	struct sv_kvm_run *run;
	uint8_t *ram;

	struct shim_channel *channel;
	pthread_t helper;
	atomic_bool over, tree_unusable;
	struct shim_message messages[VMM_MESSAGES];
	atomic_uint message_count;
};

/*
 * A VM with one vCPU at code, a list of words that ends with 0. policy is a list of rules that ends with
 * NULL, or NULL.
 */
void vmm_open(struct vmm *vmm, const uint32_t *code, unsigned flags, const char *const *policy,
	      const struct sv_soft_config *config);
void vmm_close(struct vmm *vmm);

/* Requests as the VMM makes them; -errno if they fail. */
int vmm_ioctl(struct vmm *vmm, int fd, unsigned long request, void *argument);
int vmm_run(struct vmm *vmm);
int vmm_slot(struct vmm *vmm, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size, void *host);
int vmm_enable(struct vmm *vmm, uint32_t capability);
int vmm_doorbell(struct vmm *vmm, uint64_t ipa, uint32_t length, int fd, uint32_t flags, uint64_t value);
/* Another vCPU; its descriptor. */
int vmm_add_vcpu(struct vmm *vmm, unsigned id);
void vmm_init_vcpu(struct vmm *vmm, int fd);

/* Past the shim. */
uint64_t vmm_get(struct vmm *vmm, uint64_t id);
void vmm_set(struct vmm *vmm, uint64_t id, uint64_t value);

#define X(n)   SV_KVM_CORE((n)*8)
#define PC     SV_KVM_CORE(SV_KVM_CORE_PC)
#define PSTATE SV_KVM_CORE(SV_KVM_CORE_PSTATE)
#define ELR    SV_KVM_CORE(SV_KVM_CORE_ELR_EL1)
#define ESR    SV_KVM_SYSREG(UINT64_C(3), 0, 5, 2, 0)
#define FAR    SV_KVM_SYSREG(UINT64_C(3), 0, 6, 0, 0)
#define CPACR  SV_KVM_SYSREG(UINT64_C(3), 0, 1, 0, 2)
#define VBAR   SV_KVM_SYSREG(UINT64_C(3), 0, 12, 0, 0)

/* The last message of a kind that came, after everything that was sent has been taken; NULL: none. */
const struct shim_message *vmm_told(struct vmm *vmm, enum shim_kind kind);

/* The descriptor that a number of softkvm's is to this process, and a second one for it. */
int vmm_dup(struct vmm *vmm, int fd);

/* Asserts that KVM_RUN returns 0 with an access of the VMM's; data is what it writes. */
void vmm_expect_write(struct vmm *vmm, uint64_t ipa, unsigned size, uint64_t data);
/* The same for a read, which data is given for. */
void vmm_expect_read(struct vmm *vmm, uint64_t ipa, unsigned size, uint64_t data);
/* That the guest has powered itself off. */
void vmm_expect_off(struct vmm *vmm);
/* That it has taken a synchronous exception, with this syndrome and address. */
void vmm_expect_abort(struct vmm *vmm, uint64_t esr, uint64_t far);

#endif
