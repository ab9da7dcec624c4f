/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arm64 KVM's UAPI, as far as salvage and its VMM use it, typed again here so that it can be had on any
 * host: <linux/kvm.h> describes the host's own architecture. tests/kvm/uapi.c holds every line against the
 * system's header in an arm64 build. Names are the kernel's, with SV_ before them.
 */
#ifndef SRC_KVM_UAPI_H
#define SRC_KVM_UAPI_H

#include <stdint.h>

/* asm-generic/ioctl.h: direction 30, size 16, type 8, number 0. */
#define SV_IO(nr)         (0xae00u | (nr))
#define SV_IOW(nr, type)  (0x40000000u | (unsigned)sizeof(type) << 16 | 0xae00u | (nr))
#define SV_IOR(nr, type)  (0x80000000u | (unsigned)sizeof(type) << 16 | 0xae00u | (nr))
#define SV_IOWR(nr, type) (0xc0000000u | (unsigned)sizeof(type) << 16 | 0xae00u | (nr))

struct sv_kvm_enable_cap {
	uint32_t cap, flags;
	uint64_t args[4];
	uint8_t pad[64];
};

struct sv_kvm_userspace_memory_region {
	uint32_t slot, flags;
	uint64_t guest_phys_addr, memory_size, userspace_addr;
};

struct sv_kvm_userspace_memory_region2 {
	uint32_t slot, flags;
	uint64_t guest_phys_addr, memory_size, userspace_addr, guest_memfd_offset;
	uint32_t guest_memfd, pad1;
	uint64_t pad2[14];
};

#define SV_KVM_MEM_LOG_DIRTY_PAGES (1u << 0)
#define SV_KVM_MEM_READONLY        (1u << 1)
#define SV_KVM_MEM_GUEST_MEMFD     (1u << 2)

struct sv_kvm_create_guest_memfd {
	uint64_t size, flags, reserved[6];
};

#define SV_GUEST_MEMFD_FLAG_MMAP        (1u << 0)
#define SV_GUEST_MEMFD_FLAG_INIT_SHARED (1u << 1)

struct sv_kvm_dirty_log {
	uint32_t slot, padding1;
	uint64_t dirty_bitmap; /* an address: a bit a page, 64 a word */
};

struct sv_kvm_ioeventfd {
	uint64_t datamatch, addr;
	uint32_t len; /* 0, 1, 2, 4 or 8 */
	int32_t fd;
	uint32_t flags;
	uint8_t pad[36];
};

#define SV_KVM_IOEVENTFD_FLAG_DATAMATCH         (1u << 0)
#define SV_KVM_IOEVENTFD_FLAG_PIO               (1u << 1)
#define SV_KVM_IOEVENTFD_FLAG_DEASSIGN          (1u << 2)
#define SV_KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY (1u << 3)

struct sv_kvm_coalesced_mmio_zone {
	uint64_t addr;
	uint32_t size, pio;
};

struct sv_kvm_mp_state {
	uint32_t mp_state;
};

#define SV_KVM_MP_STATE_RUNNABLE 0
#define SV_KVM_MP_STATE_STOPPED  5

/* Control, then 16 each of DBGBCRn, DBGBVRn, DBGWCRn, DBGWVRn. */
struct sv_kvm_guest_debug {
	uint32_t control, pad;
	uint64_t registers[64];
};

#define SV_KVM_GUESTDBG_ENABLE     (1u << 0)
#define SV_KVM_GUESTDBG_SINGLESTEP (1u << 1)

/* n ids follow. */
struct sv_kvm_reg_list {
	uint64_t n;
};

struct sv_kvm_vcpu_init {
	uint32_t target, features[7];
};

#define SV_KVM_ARM_VCPU_POWER_OFF       0
#define SV_KVM_ARM_VCPU_EL1_32BIT       1
#define SV_KVM_ARM_VCPU_PSCI_0_2        2
#define SV_KVM_ARM_VCPU_SVE             4
#define SV_KVM_ARM_VCPU_PTRAUTH_ADDRESS 5
#define SV_KVM_ARM_VCPU_PTRAUTH_GENERIC 6
#define SV_KVM_ARM_VCPU_HAS_EL2         7

struct sv_kvm_one_reg {
	uint64_t id, addr;
};

struct sv_kvm_create_device {
	uint32_t type, fd, flags;
};

#define SV_KVM_DEV_TYPE_ARM_VGIC_V2 5
#define SV_KVM_DEV_TYPE_ARM_VGIC_V3 7
#define SV_KVM_CREATE_DEVICE_TEST   (1u << 0)

struct sv_kvm_device_attr {
	uint32_t flags, group;
	uint64_t attr, addr;
};

#define SV_KVM_DEV_ARM_VGIC_GRP_ADDR        0
#define SV_KVM_DEV_ARM_VGIC_GRP_DIST_REGS   1
#define SV_KVM_DEV_ARM_VGIC_GRP_NR_IRQS     3
#define SV_KVM_DEV_ARM_VGIC_GRP_CTRL        4
#define SV_KVM_DEV_ARM_VGIC_GRP_REDIST_REGS 5
#define SV_KVM_DEV_ARM_VGIC_CTRL_INIT       0
#define SV_KVM_VGIC_V3_ADDR_TYPE_DIST       2
#define SV_KVM_VGIC_V3_ADDR_TYPE_REDIST     3

struct sv_kvm_irq_level {
	uint32_t irq, level;
};

#define SV_KVM_ARM_IRQ_TYPE_SHIFT 24
#define SV_KVM_ARM_IRQ_TYPE_SPI   1

/*
 * ext_iabt_pending is padding in mainline, which refuses it; kernels with the proposed instruction abort
 * injection have it here.
 */
struct sv_kvm_vcpu_events {
	struct {
		uint8_t serror_pending, serror_has_esr, ext_dabt_pending, ext_iabt_pending, pad[4];
		uint64_t serror_esr;
	} exception;
	uint32_t reserved[12];
};

#define SV_KVM_GET_API_VERSION         SV_IO(0x00)
#define SV_KVM_CREATE_VM               SV_IO(0x01)
#define SV_KVM_CHECK_EXTENSION         SV_IO(0x03)
#define SV_KVM_GET_VCPU_MMAP_SIZE      SV_IO(0x04)
#define SV_KVM_CREATE_VCPU             SV_IO(0x41)
#define SV_KVM_SET_USER_MEMORY_REGION  SV_IOW(0x46, struct sv_kvm_userspace_memory_region)
#define SV_KVM_GET_DIRTY_LOG           SV_IOW(0x42, struct sv_kvm_dirty_log)
#define SV_KVM_SET_USER_MEMORY_REGION2 SV_IOW(0x49, struct sv_kvm_userspace_memory_region2)
#define SV_KVM_IRQ_LINE                SV_IOW(0x61, struct sv_kvm_irq_level)
#define SV_KVM_IOEVENTFD               SV_IOW(0x79, struct sv_kvm_ioeventfd)
#define SV_KVM_RUN                     SV_IO(0x80)
#define SV_KVM_GET_MP_STATE            SV_IOR(0x98, struct sv_kvm_mp_state)
#define SV_KVM_SET_MP_STATE            SV_IOW(0x99, struct sv_kvm_mp_state)
#define SV_KVM_SET_GUEST_DEBUG         SV_IOW(0x9b, struct sv_kvm_guest_debug)
#define SV_KVM_GET_VCPU_EVENTS         SV_IOR(0x9f, struct sv_kvm_vcpu_events)
#define SV_KVM_SET_VCPU_EVENTS         SV_IOW(0xa0, struct sv_kvm_vcpu_events)
#define SV_KVM_ENABLE_CAP              SV_IOW(0xa3, struct sv_kvm_enable_cap)
#define SV_KVM_GET_ONE_REG             SV_IOW(0xab, struct sv_kvm_one_reg)
#define SV_KVM_SET_ONE_REG             SV_IOW(0xac, struct sv_kvm_one_reg)
#define SV_KVM_ARM_VCPU_INIT           SV_IOW(0xae, struct sv_kvm_vcpu_init)
#define SV_KVM_ARM_PREFERRED_TARGET    SV_IOR(0xaf, struct sv_kvm_vcpu_init)
#define SV_KVM_GET_REG_LIST            SV_IOWR(0xb0, struct sv_kvm_reg_list)
#define SV_KVM_ARM_VCPU_FINALIZE       SV_IOW(0xc2, int)
#define SV_KVM_CREATE_GUEST_MEMFD      SV_IOWR(0xd4, struct sv_kvm_create_guest_memfd)
#define SV_KVM_CREATE_DEVICE           SV_IOWR(0xe0, struct sv_kvm_create_device)
#define SV_KVM_SET_DEVICE_ATTR         SV_IOW(0xe1, struct sv_kvm_device_attr)
#define SV_KVM_GET_DEVICE_ATTR         SV_IOW(0xe2, struct sv_kvm_device_attr)
#define SV_KVM_HAS_DEVICE_ATTR         SV_IOW(0xe3, struct sv_kvm_device_attr)

/* What VMMs ask of KVM besides, and the shim has to know. */
#define SV_KVM_REGISTER_COALESCED_MMIO   SV_IOW(0x67, struct sv_kvm_coalesced_mmio_zone)
#define SV_KVM_UNREGISTER_COALESCED_MMIO SV_IOW(0x68, struct sv_kvm_coalesced_mmio_zone)

#define SV_KVM_CAP_DIRTY_LOG_RING             192
#define SV_KVM_CAP_DIRTY_LOG_RING_ACQ_REL     223
#define SV_KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP 225

#define SV_KVM_VM_TYPE_ARM_PROTECTED (1ul << 31)

#define SV_KVM_API_VERSION 12

#define SV_KVM_CAP_USER_MEMORY           3
#define SV_KVM_CAP_NR_VCPUS              9
#define SV_KVM_CAP_NR_MEMSLOTS           10
#define SV_KVM_CAP_MP_STATE              14
#define SV_KVM_CAP_SET_GUEST_DEBUG       23
#define SV_KVM_CAP_IOEVENTFD             36
#define SV_KVM_CAP_VCPU_EVENTS           41
#define SV_KVM_CAP_MAX_VCPUS             66
#define SV_KVM_CAP_ONE_REG               70
#define SV_KVM_CAP_READONLY_MEM          81
#define SV_KVM_CAP_DEVICE_CTRL           89
#define SV_KVM_CAP_IMMEDIATE_EXIT        136
#define SV_KVM_CAP_ARM_INJECT_SERROR_ESR 158
#define SV_KVM_CAP_USER_MEMORY2          231
#define SV_KVM_CAP_ARM_PSCI_0_2          102
#define SV_KVM_CAP_ARM_EL1_32BIT         93
#define SV_KVM_CAP_ARM_VM_IPA_SIZE       165
#define SV_KVM_CAP_ARM_SVE               170
#define SV_KVM_CAP_ARM_PTRAUTH_ADDRESS   171
#define SV_KVM_CAP_ARM_PTRAUTH_GENERIC   172
#define SV_KVM_CAP_ARM_NISV_TO_USER      177
#define SV_KVM_CAP_ARM_INJECT_EXT_DABT   178
#define SV_KVM_CAP_ARM_MTE               205
#define SV_KVM_CAP_GUEST_MEMFD_FLAGS     244
#define SV_KVM_CAP_ARM_SEA_TO_USER       245

#define SV_KVM_EXIT_UNKNOWN        0
#define SV_KVM_EXIT_DEBUG          4
#define SV_KVM_EXIT_MMIO           6
#define SV_KVM_EXIT_SHUTDOWN       8
#define SV_KVM_EXIT_FAIL_ENTRY     9
#define SV_KVM_EXIT_INTR           10
#define SV_KVM_EXIT_INTERNAL_ERROR 17
#define SV_KVM_EXIT_SYSTEM_EVENT   24
#define SV_KVM_EXIT_ARM_NISV       28
#define SV_KVM_EXIT_MEMORY_FAULT   39
#define SV_KVM_EXIT_ARM_SEA        41
#define SV_KVM_EXIT_ARM_LDST64B    42

#define SV_KVM_EXIT_ARM_SEA_GPA_VALID (UINT64_C(1) << 0)

#define SV_KVM_SYSTEM_EVENT_SHUTDOWN 1
#define SV_KVM_SYSTEM_EVENT_RESET    2
#define SV_KVM_SYSTEM_EVENT_CRASH    3

/* The beginning of struct kvm_run; what follows the union is not used here. */
struct sv_kvm_run {
	uint8_t request_interrupt_window, immediate_exit, padding1[6];
	uint32_t exit_reason;
	uint8_t ready_for_interrupt_injection, if_flag;
	uint16_t flags;
	uint64_t cr8, apic_base;
	union {
		struct {
			uint64_t phys_addr;
			uint8_t data[8];
			uint32_t len;
			uint8_t is_write;
		} mmio;
		struct {
			uint32_t hsr, hsr_high; /* ESR_EL2 */
			uint64_t far;
		} debug;
		struct {
			uint64_t esr_iss, fault_ipa;
		} arm_nisv;
		struct {
			uint64_t flags, esr, gva, gpa;
		} arm_sea;
		struct {
			uint64_t flags, gpa, size;
		} memory_fault;
		struct {
			uint32_t type, ndata;
			uint64_t data[16];
		} system_event;
		struct {
			uint64_t hardware_entry_failure_reason;
			uint32_t cpu;
		} fail_entry;
		struct {
			uint32_t suberror, ndata;
			uint64_t data[16];
		} internal;
		uint8_t padding[256];
	};
};

/* Register ids: arch/arm64/include/uapi/asm/kvm.h. */
#define SV_KVM_REG_ARM64           UINT64_C(0x6000000000000000)
#define SV_KVM_REG_SIZE_U64        UINT64_C(0x0030000000000000)
#define SV_KVM_REG_ARM_CORE        UINT64_C(0x0000000000100000)
#define SV_KVM_REG_ARM64_SYSREG    UINT64_C(0x0000000000130000)
#define SV_KVM_REG_ARM_COPROC_MASK UINT64_C(0x000000000fff0000)

/* offset is in bytes into struct kvm_regs: x0..x30, sp (SP_EL0), pc, pstate, sp_el1, elr_el1, spsr[5]. */
#define SV_KVM_CORE(offset) \
	(SV_KVM_REG_ARM64 | SV_KVM_REG_SIZE_U64 | SV_KVM_REG_ARM_CORE | (uint64_t)(offset) / 4)
#define SV_KVM_CORE_SP_EL0   (31 * 8)
#define SV_KVM_CORE_PC       (32 * 8)
#define SV_KVM_CORE_PSTATE   (33 * 8)
#define SV_KVM_CORE_SP_EL1   (34 * 8)
#define SV_KVM_CORE_ELR_EL1  (35 * 8)
#define SV_KVM_CORE_SPSR_EL1 (36 * 8)
#define SV_KVM_CORE_SPSR_END (41 * 8) /* after SPSR_EL1 those of AArch32: abt, und, irq, fiq */

/* SIMD&FP registers: core registers of 16 bytes; of a vCPU with SVE the low bytes of a slice of 256. */
#define SV_KVM_REG_SIZE_U128  UINT64_C(0x0040000000000000)
#define SV_KVM_REG_SIZE_U2048 UINT64_C(0x0080000000000000)
#define SV_KVM_REG_ARM64_SVE  UINT64_C(0x0000000000150000)
#define SV_KVM_CORE_VREGS     (42 * 8)
#define SV_KVM_CORE_FPSR      (SV_KVM_CORE_VREGS + 32 * 16) /* 4 bytes, as FPCR */
#define SV_KVM_CORE_FPCR      (SV_KVM_CORE_FPSR + 4)
#define SV_KVM_REG_SIZE_U32   UINT64_C(0x0020000000000000)
#define SV_KVM_REG_SIZE_MASK  UINT64_C(0x00f0000000000000)
#define SV_KVM_CORE_VREG(n)                                              \
	(SV_KVM_REG_ARM64 | SV_KVM_REG_SIZE_U128 | SV_KVM_REG_ARM_CORE | \
	 ((uint64_t)SV_KVM_CORE_VREGS + 16 * (n)) / 4)
#define SV_KVM_SVE_ZREG(n) \
	(SV_KVM_REG_ARM64 | SV_KVM_REG_SIZE_U2048 | SV_KVM_REG_ARM64_SVE | (uint64_t)(n) << 5)
#define SV_KVM_SVE_ZREG_BYTES 256

/* The P registers, and the set of vector lengths: bits of 512, by multiples of 16 bytes. */
#define SV_KVM_REG_SIZE_U256 UINT64_C(0x0050000000000000)
#define SV_KVM_REG_SIZE_U512 UINT64_C(0x0060000000000000)
#define SV_KVM_SVE_PREG(n)                                                                  \
	(SV_KVM_REG_ARM64 | SV_KVM_REG_SIZE_U256 | SV_KVM_REG_ARM64_SVE | UINT64_C(0x400) | \
	 (uint64_t)(n) << 5)
#define SV_KVM_SVE_PREG_BYTES 32
#define SV_KVM_SVE_VLS        (SV_KVM_REG_ARM64 | SV_KVM_REG_SIZE_U512 | SV_KVM_REG_ARM64_SVE | UINT64_C(0xffff))

#define SV_KVM_SYSREG(op0, op1, crn, crm, op2)                                                          \
	(SV_KVM_REG_ARM64 | SV_KVM_REG_SIZE_U64 | SV_KVM_REG_ARM64_SYSREG | (op0) << 14 | (op1) << 11 | \
	 (crn) << 7 | (crm) << 3 | (op2))

#endif
