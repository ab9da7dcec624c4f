/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which accesses of the in-kernel GICv3's registers have, as a device attribute, the effect that they have as
 * the guest's own, while all vCPUs are out of KVM_RUN. By Documentation/virt/kvm/devices/arm-vgic-v3.rst, and
 * by the handlers in arch/arm64/kvm/vgic/vgic-mmio-v3.c: where a register has no uaccess handler, guest and
 * userspace share one; where it has, the two were compared. docs/vgic.md gives the reasons.
 *
 * Offsets and names: IHI 0069, 12.8 to 12.11. What is not here is RES0 there, or newer than this table.
 */
#include "vgic.h"

#define W  4
#define WX (4 | 8)
#define BW (1 | 4)

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define ABSENT  "KVM has no such register"
#define PENDING "the attribute is the latch alone, without the level of the line, and a write sets all of it"
#define CLEAR   "the attribute reads as zero and ignores writes"
#define STATUS  "the attribute sets what a guest would clear"
#define MAPPED  "of a timer's interrupt the attribute ignores writes"
#define COMMAND "a command; the attribute is made for state"
#define SGI     "the host injects SGIs by hardware, and the attribute changes only KVM's copy"

/* Registers for SGIs and PPIs are RES0 in the distributor, for the guest and for the attribute. */
static const struct sv_kernel_register distributor[] = {
	{0x0000, 4, W, W, 0, SV_KVM_VGIC_HW_SGI, "GICD_CTLR", SGI},
	{0x0004, 4, W, W, 0, 0, "GICD_TYPER", NULL},
	{0x0008, 4, W, 0, 0, 0, "GICD_IIDR", "a write of the attribute chooses the revision, or fails"},
	{0x000c, 4, W, 0, 0, 0, "GICD_TYPER2", "a write of the attribute is a setting, or fails"},
	{0x0010, 4, 0, 0, 0, 0, "GICD_STATUSR", STATUS},
	{0x0040, 4, 0, 0, 0, 0, "GICD_SETSPI_NSR", ABSENT},
	{0x0048, 4, 0, 0, 0, 0, "GICD_CLRSPI_NSR", ABSENT},
	{0x0050, 4, 0, 0, 0, 0, "GICD_SETSPI_SR", ABSENT},
	{0x0058, 4, 0, 0, 0, 0, "GICD_CLRSPI_SR", ABSENT},
	{0x0080, 0x80, W, W, 0, 0, "GICD_IGROUPR", NULL},
	{0x0100, 0x80, W, W, 0, 0, "GICD_ISENABLER", NULL},
	{0x0180, 0x80, W, W, 0, 0, "GICD_ICENABLER", NULL},
	{0x0200, 0x80, 0, 0, 0, 0, "GICD_ISPENDR", PENDING},
	{0x0280, 0x80, 0, 0, 0, 0, "GICD_ICPENDR", CLEAR},
	{0x0300, 0x80, W, W, 0, 0, "GICD_ISACTIVER", NULL},
	{0x0380, 0x80, W, W, 0, 0, "GICD_ICACTIVER", NULL},
	{0x0400, 0x400, BW, BW, 0, 0, "GICD_IPRIORITYR", NULL},
	{0x0800, 0x400, BW, BW, 0, 0, "GICD_ITARGETSR", NULL},
	{0x0c00, 0x100, W, W, 0, 0, "GICD_ICFGR", NULL},
	{0x0d00, 0x80, W, W, 0, 0, "GICD_IGRPMODR", NULL},
	{0x0e00, 0x100, 0, 0, 0, 0, "GICD_NSACR", ABSENT},
	{0x0f00, 4, 0, 0, 0, 0, "GICD_SGIR", ABSENT},
	{0x0f10, 0x10, 0, 0, 0, 0, "GICD_CPENDSGIR", ABSENT},
	{0x0f20, 0x10, 0, 0, 0, 0, "GICD_SPENDSGIR", ABSENT},
	{0x6000, 0x2000, WX, WX, 0, 0, "GICD_IROUTER", NULL},
	{0xffd0, 0x30, W, W, 0, 0, "GICD identification", NULL},
};

#define SGI_BASE 0x10000

static const struct sv_kernel_register redistributor[] = {
	{0x0000, 4, W, W, 0, 0, "GICR_CTLR", NULL},
	{0x0004, 4, W, W, 0, 0, "GICR_IIDR", NULL},
	{0x0008, 8, WX, WX, SV_KVM_VGIC_NO_LAST, 0, "GICR_TYPER", "on this kernel the attribute lacks Last"},
	{0x0010, 4, 0, 0, 0, 0, "GICR_STATUSR", STATUS},
	{0x0014, 4, W, W, 0, 0, "GICR_WAKER", NULL},
	{0x0040, 8, 0, 0, 0, 0, "GICR_SETLPIR", ABSENT},
	{0x0048, 8, 0, 0, 0, 0, "GICR_CLRLPIR", ABSENT},
	{0x0070, 8, WX, WX, 0, 0, "GICR_PROPBASER", NULL},
	{0x0078, 8, WX, WX, 0, 0, "GICR_PENDBASER", NULL},
	{0x00a0, 8, WX, 0, 0, 0, "GICR_INVLPIR", COMMAND},
	{0x00b0, 8, WX, 0, 0, 0, "GICR_INVALLR", COMMAND},
	{0x00c0, 4, W, W, 0, 0, "GICR_SYNCR", NULL},
	{0xffd0, 0x30, W, W, 0, 0, "GICR identification", NULL},
	{SGI_BASE + 0x080, 4, W, W, 0, 0, "GICR_IGROUPR0", NULL},
	{SGI_BASE + 0x100, 4, W, W, 0, SV_KVM_VGIC_HW_SGI, "GICR_ISENABLER0", SGI},
	{SGI_BASE + 0x180, 4, W, W, 0, SV_KVM_VGIC_HW_SGI, "GICR_ICENABLER0", SGI},
	{SGI_BASE + 0x200, 4, 0, 0, 0, 0, "GICR_ISPENDR0", PENDING},
	{SGI_BASE + 0x280, 4, 0, 0, 0, 0, "GICR_ICPENDR0", CLEAR},
	{SGI_BASE + 0x300, 4, W, 0, 0, 0, "GICR_ISACTIVER0", MAPPED},
	{SGI_BASE + 0x380, 4, W, 0, 0, 0, "GICR_ICACTIVER0", MAPPED},
	{SGI_BASE + 0x400, 0x20, BW, BW, 0, 0, "GICR_IPRIORITYR", NULL},
	{SGI_BASE + 0xc00, 8, W, W, 0, 0, "GICR_ICFGR", NULL},
	{SGI_BASE + 0xd00, 4, W, W, 0, 0, "GICR_IGRPMODR0", NULL},
	{SGI_BASE + 0xe00, 4, W, W, 0, 0, "GICR_NSACR", NULL},
};

const struct sv_kernel_map sv_kvm_vgic_distributor = {.registers = distributor, .count = COUNT(distributor)};
const struct sv_kernel_map sv_kvm_vgic_redistributors = {.registers = redistributor,
							 .count = COUNT(redistributor),
							 .stride = SV_KVM_VGIC_REDISTRIBUTOR};
