/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's accesses to the in-kernel GICv3, as device attributes. */
#include "vgic.h"
#include "uapi.h"

#define GICD_CTLR             0x0000
#define GICD_CTLR_nASSGIreq   (1u << 8)
#define GICD_TYPER2           0x000c
#define GICD_TYPER2_nASSGIcap (1u << 8)
#define GICR_TYPER            0x0008
#define GICR_TYPER_Last       (1u << 4)

/* Where the registers of an access are: a group, and which redistributor (Aff3.Aff2.Aff1.Aff0). */
struct frame {
	uint32_t group;
	uint64_t mpidr;
};

static enum sv_status transfer(const struct sv_kvm_vgic *vgic, unsigned long request, struct frame frame,
			       uint64_t offset, uint32_t *value)
{
	struct sv_kvm_device_attr attr = {.group = frame.group,
					  .attr = frame.mpidr << 32 | offset,
					  .addr = (uintptr_t)value};

	return vgic->backend->ioctl(vgic->backend->opaque, vgic->fd, request, &attr) < 0 ? SV_REGISTER
											 : SV_OK;
}

static enum sv_status get(const struct sv_kvm_vgic *vgic, struct frame frame, uint64_t offset,
			  uint32_t *value)
{
	*value = 0;
	return transfer(vgic, SV_KVM_GET_DEVICE_ATTR, frame, offset, value);
}

static enum sv_status set(const struct sv_kvm_vgic *vgic, struct frame frame, uint64_t offset, uint32_t value)
{
	/*
	 * KVM clears it for a guest whose vGIC has no GICv4.1 behind it, but for the attribute only where the
	 * host has none. Where the guest may set it the table lets nobody write.
	 */
	if (frame.group == SV_KVM_DEV_ARM_VGIC_GRP_DIST_REGS && offset == GICD_CTLR)
		value &= ~GICD_CTLR_nASSGIreq;
	return transfer(vgic, SV_KVM_SET_DEVICE_ATTR, frame, offset, &value);
}

static const struct frame distributor = {.group = SV_KVM_DEV_ARM_VGIC_GRP_DIST_REGS};

static struct frame redistributor(const struct sv_kvm_vgic *vgic, size_t index)
{
	uint64_t mpidr = vgic->mpidr[index];

	/* Aff3 is MPIDR_EL1[39:32], the rest [23:0] (DDI 0487, D24.2). */
	return (struct frame){SV_KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
			      (mpidr >> 32 & 0xff) << 24 | (mpidr & 0xffffff)};
}

enum sv_status sv_kvm_vgic_init(struct sv_kvm_vgic *vgic, const struct sv_kvm_backend *backend, int fd,
				const uint64_t *mpidr, size_t count)
{
	uint32_t typer, typer2;

	*vgic = (struct sv_kvm_vgic){.backend = backend, .fd = fd, .mpidr = mpidr, .count = count};
	if (!count)
		return SV_MALFORMED;
	if (get(vgic, distributor, GICD_TYPER2, &typer2) ||
	    get(vgic, redistributor(vgic, count - 1), GICR_TYPER, &typer))
		return SV_UNSUPPORTED;
	vgic->distributor = sv_kvm_vgic_distributor;
	vgic->redistributors = sv_kvm_vgic_redistributors;
	if (typer2 & GICD_TYPER2_nASSGIcap) {
		vgic->distributor.differs |= SV_KVM_VGIC_HW_SGI;
		vgic->redistributors.differs |= SV_KVM_VGIC_HW_SGI;
	}
	if (!(typer & GICR_TYPER_Last))
		vgic->redistributors.differs |= SV_KVM_VGIC_NO_LAST;
	return SV_OK;
}

/* A byte goes by the word around it: nothing else changes it meanwhile, and nothing happens to the others. */
static enum sv_status access_byte(const struct sv_kvm_vgic *vgic, struct frame frame, uint64_t offset,
				  struct sv_access *access)
{
	unsigned shift = offset % 4 * 8;
	uint32_t word;
	enum sv_status status = get(vgic, frame, offset & ~UINT64_C(3), &word);

	if (status || !access->write) {
		if (!status)
			access->data[0] = (uint8_t)(word >> shift);
		return status;
	}
	word = (word & ~(UINT32_C(0xff) << shift)) | (uint32_t)access->data[0] << shift;
	return set(vgic, frame, offset & ~UINT64_C(3), word);
}

/* A word of the data, which is little endian as all of a GIC is. */
static enum sv_status access_word(const struct sv_kvm_vgic *vgic, struct frame frame, uint64_t offset,
				  bool write, uint8_t *data)
{
	uint32_t word = 0;
	enum sv_status status;

	for (unsigned i = 0; write && i < 4; i++)
		word |= (uint32_t)data[i] << 8 * i;
	status = write ? set(vgic, frame, offset, word) : get(vgic, frame, offset, &word);
	for (unsigned i = 0; !status && !write && i < 4; i++)
		data[i] = (uint8_t)(word >> 8 * i);
	return status;
}

enum sv_status sv_kvm_vgic_access(const struct sv_kvm_vgic *vgic, struct sv_access *access)
{
	const struct sv_region *region = access->region;
	struct frame frame = distributor;
	enum sv_status status = SV_OK;
	uint64_t offset;

	if (!region || region->kind != SV_REGION_KERNEL || access->op ||
	    (region->kernel != &vgic->distributor && region->kernel != &vgic->redistributors) ||
	    !sv_kernel_takes(region, access->ipa, access->size, access->write))
		return SV_UNSUPPORTED;
	offset = access->ipa - region->first;
	if (region->kernel == &vgic->redistributors) {
		if (offset / SV_KVM_VGIC_REDISTRIBUTOR >= vgic->count)
			return SV_UNSUPPORTED;
		frame = redistributor(vgic, offset / SV_KVM_VGIC_REDISTRIBUTOR);
		offset %= SV_KVM_VGIC_REDISTRIBUTOR;
	}
	if (access->size == 1)
		return access_byte(vgic, frame, offset, access);
	for (unsigned done = 0; !status && done < access->size; done += 4)
		status = access_word(vgic, frame, offset + done, access->write, access->data + done);
	return status;
}
