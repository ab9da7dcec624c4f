/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Holds src/kvm/uapi.h against the system's <linux/kvm.h>; compiled in arm64 builds, where the two describe
 * the same machine. Constants that are newer than the oldest supported header are compared where it has
 * them.
 */
#include <stddef.h>

#include <linux/kvm.h>

#include "uapi.h"

#define SAME(ours, theirs) _Static_assert((ours) == (theirs), #ours)
#define SIZE(ours, theirs) _Static_assert(sizeof(struct ours) == sizeof(struct theirs), #ours)
#define FIELD(ours, theirs, field) \
	_Static_assert(offsetof(struct ours, field) == offsetof(struct theirs, field), #ours "." #field)
#define RUN(field) FIELD(sv_kvm_run, kvm_run, field)

SIZE(sv_kvm_enable_cap, kvm_enable_cap);
FIELD(sv_kvm_enable_cap, kvm_enable_cap, args);
SIZE(sv_kvm_userspace_memory_region, kvm_userspace_memory_region);
FIELD(sv_kvm_userspace_memory_region, kvm_userspace_memory_region, guest_phys_addr);
FIELD(sv_kvm_userspace_memory_region, kvm_userspace_memory_region, memory_size);
FIELD(sv_kvm_userspace_memory_region, kvm_userspace_memory_region, userspace_addr);
SIZE(sv_kvm_dirty_log, kvm_dirty_log);
FIELD(sv_kvm_dirty_log, kvm_dirty_log, dirty_bitmap);
#ifdef KVM_CREATE_GUEST_MEMFD
SIZE(sv_kvm_userspace_memory_region2, kvm_userspace_memory_region2);
FIELD(sv_kvm_userspace_memory_region2, kvm_userspace_memory_region2, guest_memfd);
SAME(SV_KVM_MEM_GUEST_MEMFD, KVM_MEM_GUEST_MEMFD);
SAME(SV_KVM_SET_USER_MEMORY_REGION2, KVM_SET_USER_MEMORY_REGION2);
SAME(SV_KVM_CREATE_GUEST_MEMFD, KVM_CREATE_GUEST_MEMFD);
#endif
#ifdef GUEST_MEMFD_FLAG_INIT_SHARED
SAME(SV_GUEST_MEMFD_FLAG_MMAP, GUEST_MEMFD_FLAG_MMAP);
SAME(SV_GUEST_MEMFD_FLAG_INIT_SHARED, GUEST_MEMFD_FLAG_INIT_SHARED);
SAME(SV_KVM_CAP_GUEST_MEMFD_FLAGS, KVM_CAP_GUEST_MEMFD_FLAGS);
#endif
SIZE(sv_kvm_guest_debug, kvm_guest_debug);
SIZE(sv_kvm_vcpu_init, kvm_vcpu_init);
FIELD(sv_kvm_vcpu_init, kvm_vcpu_init, features);
SIZE(sv_kvm_one_reg, kvm_one_reg);
FIELD(sv_kvm_one_reg, kvm_one_reg, addr);
SIZE(sv_kvm_create_device, kvm_create_device);
FIELD(sv_kvm_create_device, kvm_create_device, fd);
FIELD(sv_kvm_create_device, kvm_create_device, flags);
SIZE(sv_kvm_device_attr, kvm_device_attr);
FIELD(sv_kvm_device_attr, kvm_device_attr, attr);
FIELD(sv_kvm_device_attr, kvm_device_attr, addr);
SIZE(sv_kvm_irq_level, kvm_irq_level);
FIELD(sv_kvm_irq_level, kvm_irq_level, level);
SIZE(sv_kvm_vcpu_events, kvm_vcpu_events);
FIELD(sv_kvm_vcpu_events, kvm_vcpu_events, exception.ext_dabt_pending);
FIELD(sv_kvm_vcpu_events, kvm_vcpu_events, exception.serror_esr);
/* Mainline's padding begins where the proposed field is. */
_Static_assert(offsetof(struct sv_kvm_vcpu_events, exception.ext_iabt_pending) ==
		       offsetof(struct kvm_vcpu_events, exception.pad),
	       "ext_iabt_pending");

RUN(immediate_exit);
RUN(exit_reason);
RUN(mmio);
RUN(mmio.data);
RUN(mmio.len);
RUN(mmio.is_write);
RUN(arm_nisv.esr_iss);
RUN(arm_nisv.fault_ipa);
_Static_assert(offsetof(struct sv_kvm_run, debug.hsr) == offsetof(struct kvm_run, debug.arch.hsr),
	       "debug.hsr");
RUN(system_event.type);
RUN(system_event.data);
RUN(fail_entry.cpu);
RUN(internal.data);
#ifdef KVM_EXIT_MEMORY_FAULT
RUN(memory_fault.size);
SAME(SV_KVM_EXIT_MEMORY_FAULT, KVM_EXIT_MEMORY_FAULT);
#endif
#ifdef KVM_EXIT_ARM_SEA
RUN(arm_sea.gpa);
SAME(SV_KVM_EXIT_ARM_SEA, KVM_EXIT_ARM_SEA);
SAME(SV_KVM_CAP_ARM_SEA_TO_USER, KVM_CAP_ARM_SEA_TO_USER);
#endif
#ifdef KVM_EXIT_ARM_LDST64B
SAME(SV_KVM_EXIT_ARM_LDST64B, KVM_EXIT_ARM_LDST64B);
#endif

SAME(SV_KVM_GET_API_VERSION, KVM_GET_API_VERSION);
SAME(SV_KVM_CREATE_VM, KVM_CREATE_VM);
SAME(SV_KVM_CHECK_EXTENSION, KVM_CHECK_EXTENSION);
SAME(SV_KVM_GET_VCPU_MMAP_SIZE, KVM_GET_VCPU_MMAP_SIZE);
SAME(SV_KVM_CREATE_VCPU, KVM_CREATE_VCPU);
SAME(SV_KVM_SET_USER_MEMORY_REGION, KVM_SET_USER_MEMORY_REGION);
SAME(SV_KVM_GET_DIRTY_LOG, KVM_GET_DIRTY_LOG);
SAME(SV_KVM_SET_GUEST_DEBUG, KVM_SET_GUEST_DEBUG);
SAME(SV_KVM_IRQ_LINE, KVM_IRQ_LINE);
SAME(SV_KVM_RUN, KVM_RUN);
SAME(SV_KVM_GET_VCPU_EVENTS, KVM_GET_VCPU_EVENTS);
SAME(SV_KVM_SET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS);
SAME(SV_KVM_ENABLE_CAP, KVM_ENABLE_CAP);
SAME(SV_KVM_GET_ONE_REG, KVM_GET_ONE_REG);
SAME(SV_KVM_SET_ONE_REG, KVM_SET_ONE_REG);
SAME(SV_KVM_ARM_VCPU_INIT, KVM_ARM_VCPU_INIT);
SAME(SV_KVM_ARM_PREFERRED_TARGET, KVM_ARM_PREFERRED_TARGET);
SAME(SV_KVM_CREATE_DEVICE, KVM_CREATE_DEVICE);
SAME(SV_KVM_SET_DEVICE_ATTR, KVM_SET_DEVICE_ATTR);
SAME(SV_KVM_GET_DEVICE_ATTR, KVM_GET_DEVICE_ATTR);
SAME(SV_KVM_HAS_DEVICE_ATTR, KVM_HAS_DEVICE_ATTR);

SAME(SV_KVM_API_VERSION, KVM_API_VERSION);
SAME(SV_KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_LOG_DIRTY_PAGES);
SAME(SV_KVM_GUESTDBG_ENABLE, KVM_GUESTDBG_ENABLE);
SAME(SV_KVM_GUESTDBG_SINGLESTEP, KVM_GUESTDBG_SINGLESTEP);
SAME(SV_KVM_MEM_READONLY, KVM_MEM_READONLY);
SAME(SV_KVM_CAP_READONLY_MEM, KVM_CAP_READONLY_MEM);
SAME(SV_KVM_CAP_ARM_PSCI_0_2, KVM_CAP_ARM_PSCI_0_2);
SAME(SV_KVM_CAP_ARM_EL1_32BIT, KVM_CAP_ARM_EL1_32BIT);
SAME(SV_KVM_CAP_ARM_INJECT_SERROR_ESR, KVM_CAP_ARM_INJECT_SERROR_ESR);
SAME(SV_KVM_CAP_ARM_VM_IPA_SIZE, KVM_CAP_ARM_VM_IPA_SIZE);
SAME(SV_KVM_CAP_ARM_NISV_TO_USER, KVM_CAP_ARM_NISV_TO_USER);
SAME(SV_KVM_CAP_ARM_INJECT_EXT_DABT, KVM_CAP_ARM_INJECT_EXT_DABT);
SAME(SV_KVM_EXIT_UNKNOWN, KVM_EXIT_UNKNOWN);
SAME(SV_KVM_EXIT_DEBUG, KVM_EXIT_DEBUG);
SAME(SV_KVM_EXIT_MMIO, KVM_EXIT_MMIO);
SAME(SV_KVM_EXIT_SHUTDOWN, KVM_EXIT_SHUTDOWN);
SAME(SV_KVM_EXIT_FAIL_ENTRY, KVM_EXIT_FAIL_ENTRY);
SAME(SV_KVM_EXIT_INTR, KVM_EXIT_INTR);
SAME(SV_KVM_EXIT_INTERNAL_ERROR, KVM_EXIT_INTERNAL_ERROR);
SAME(SV_KVM_EXIT_SYSTEM_EVENT, KVM_EXIT_SYSTEM_EVENT);
SAME(SV_KVM_EXIT_ARM_NISV, KVM_EXIT_ARM_NISV);
SAME(SV_KVM_SYSTEM_EVENT_SHUTDOWN, KVM_SYSTEM_EVENT_SHUTDOWN);
SAME(SV_KVM_SYSTEM_EVENT_RESET, KVM_SYSTEM_EVENT_RESET);
SAME(SV_KVM_SYSTEM_EVENT_CRASH, KVM_SYSTEM_EVENT_CRASH);

SAME(SV_KVM_ARM_VCPU_POWER_OFF, KVM_ARM_VCPU_POWER_OFF);
SAME(SV_KVM_ARM_VCPU_EL1_32BIT, KVM_ARM_VCPU_EL1_32BIT);
SAME(SV_KVM_ARM_VCPU_PSCI_0_2, KVM_ARM_VCPU_PSCI_0_2);
#ifdef KVM_ARM_VCPU_HAS_EL2
SAME(SV_KVM_ARM_VCPU_HAS_EL2, KVM_ARM_VCPU_HAS_EL2);
#endif
SAME(SV_KVM_DEV_TYPE_ARM_VGIC_V3, KVM_DEV_TYPE_ARM_VGIC_V3);
SAME(SV_KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_DEV_ARM_VGIC_GRP_ADDR);
SAME(SV_KVM_DEV_ARM_VGIC_GRP_DIST_REGS, KVM_DEV_ARM_VGIC_GRP_DIST_REGS);
SAME(SV_KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS);
SAME(SV_KVM_DEV_ARM_VGIC_GRP_NR_IRQS, KVM_DEV_ARM_VGIC_GRP_NR_IRQS);
SAME(SV_KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_GRP_CTRL);
SAME(SV_KVM_DEV_ARM_VGIC_CTRL_INIT, KVM_DEV_ARM_VGIC_CTRL_INIT);
SAME(SV_KVM_VGIC_V3_ADDR_TYPE_DIST, KVM_VGIC_V3_ADDR_TYPE_DIST);
SAME(SV_KVM_VGIC_V3_ADDR_TYPE_REDIST, KVM_VGIC_V3_ADDR_TYPE_REDIST);
SAME(SV_KVM_ARM_IRQ_TYPE_SHIFT, KVM_ARM_IRQ_TYPE_SHIFT);
SAME(SV_KVM_ARM_IRQ_TYPE_SPI, KVM_ARM_IRQ_TYPE_SPI);

SAME(SV_KVM_REG_ARM64, KVM_REG_ARM64);
SAME(SV_KVM_REG_SIZE_U64, KVM_REG_SIZE_U64);
SAME(SV_KVM_REG_ARM_CORE, KVM_REG_ARM_CORE);
SAME(SV_KVM_REG_ARM64_SYSREG, KVM_REG_ARM64_SYSREG);
SAME(SV_KVM_CORE_SP_EL0, offsetof(struct kvm_regs, regs.sp));
SAME(SV_KVM_CORE_VREGS, offsetof(struct kvm_regs, fp_regs.vregs));
SAME(SV_KVM_REG_SIZE_U128, KVM_REG_SIZE_U128);
SAME(SV_KVM_REG_SIZE_U2048, KVM_REG_SIZE_U2048);
SAME(SV_KVM_REG_ARM64_SVE, KVM_REG_ARM64_SVE);
SAME(SV_KVM_CORE_VREG(3),
     KVM_REG_ARM64 | KVM_REG_SIZE_U128 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(fp_regs.vregs[3]));
SAME(SV_KVM_SVE_ZREG(5), KVM_REG_ARM64_SVE_ZREG(5, 0));
SAME(SV_KVM_SVE_PREG(5), KVM_REG_ARM64_SVE_PREG(5, 0));
SAME(SV_KVM_SVE_VLS, KVM_REG_ARM64_SVE_VLS);
SAME(SV_KVM_CAP_ARM_SVE, KVM_CAP_ARM_SVE);
SAME(SV_KVM_ARM_VCPU_SVE, KVM_ARM_VCPU_SVE);
SAME(SV_KVM_CAP_ARM_PTRAUTH_ADDRESS, KVM_CAP_ARM_PTRAUTH_ADDRESS);
SAME(SV_KVM_CAP_ARM_PTRAUTH_GENERIC, KVM_CAP_ARM_PTRAUTH_GENERIC);
SAME(SV_KVM_ARM_VCPU_PTRAUTH_ADDRESS, KVM_ARM_VCPU_PTRAUTH_ADDRESS);
SAME(SV_KVM_ARM_VCPU_PTRAUTH_GENERIC, KVM_ARM_VCPU_PTRAUTH_GENERIC);
SAME(SV_KVM_CAP_ARM_MTE, KVM_CAP_ARM_MTE);
SAME(SV_KVM_ARM_VCPU_FINALIZE, KVM_ARM_VCPU_FINALIZE);
SAME(SV_KVM_CORE_PC, offsetof(struct kvm_regs, regs.pc));
SAME(SV_KVM_CORE_PSTATE, offsetof(struct kvm_regs, regs.pstate));
SAME(SV_KVM_CORE_SP_EL1, offsetof(struct kvm_regs, sp_el1));
SAME(SV_KVM_CORE_ELR_EL1, offsetof(struct kvm_regs, elr_el1));
SAME(SV_KVM_CORE_SPSR_EL1, offsetof(struct kvm_regs, spsr));
SAME(SV_KVM_CORE(SV_KVM_CORE_PC),
     KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(regs.pc));
SAME(SV_KVM_SYSREG(3, 0, 10, 2, 0), ARM64_SYS_REG(3, 0, 10, 2, 0));
