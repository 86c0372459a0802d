#!/bin/bash
# makes small repositories with the tools of each distribution
set -eu
out=$1; rm -rf "$out"; mkdir -p "$out"; out=$(realpath "$out")
work=$(mktemp -d); export GNUPGHOME=$work/gpg; mkdir -m 700 "$GNUPGHOME"
export SOURCE_DATE_EPOCH=1750000000 TZ=UTC LC_ALL=C
for who in one two; do
	gpg -q --batch --passphrase '' --trust-model always --quick-gen-key "Signer $who <$who@example.invalid>" ed25519 sign never
done
mkdir "$out/keys"
gpg -q --export one@ > "$out/keys/one.gpg"; gpg -q --armor --export two@ > "$out/keys/two.asc"
key() { gpg --batch --with-colons --list-keys "$1@" | sed -n 's/^fpr:::::::::\([^:]*\).*/\1/p' | head -1; }
one=$(key one) two=$(key two)

# debian
d=$out/debian; mkdir -p "$d/pool/main/a/alder" "$d/dists/leaf/main/binary-amd64" "$d/dists/leaf/main/source"
for v in 1.0-1 1.1-2; do
	p=$work/deb/alder-$v; mkdir -p "$p/DEBIAN"
	printf 'Package: alder\nVersion: %s\nArchitecture: amd64\nMaintainer: Signer one <one@example.invalid>\nDescription: a tree\n with leaves: many\n' $v > "$p/DEBIAN/control"
	dpkg-deb --root-owner-group -Zgzip -b "$p" "$d/pool/main/a/alder/alder_${v}_amd64.deb" >/dev/null
done
cd "$d/pool/main/a/alder"
echo 'the upstream' > alder_1.1.orig.tar.xz; echo 'the packaging' > alder_1.1-2.debian.tar.xz
{ printf 'Format: 3.0 (quilt)\nSource: alder\nBinary: alder\nArchitecture: any\nVersion: 1:1.1-2\nMaintainer: Signer one <one@example.invalid>\n'
  for a in md5:Files sha1:Checksums-Sha1 sha256:Checksums-Sha256; do echo "${a#*:}:"; for f in alder_1.1.orig.tar.xz alder_1.1-2.debian.tar.xz; do echo " $(${a%:*}sum < $f | cut -d' ' -f1) $(stat -c%s $f) $f"; done; done; } > alder_1.1-2.dsc
cd "$d"
apt-ftparchive packages pool > dists/leaf/main/binary-amd64/Packages
apt-ftparchive sources pool > dists/leaf/main/source/Sources
for f in dists/leaf/main/binary-amd64/Packages dists/leaf/main/source/Sources; do gzip -kn $f; xz -k $f; zstd -q $f; bzip2 -k $f; done
apt-ftparchive -o APT::FTPArchive::Release::Suite=leaf -o APT::FTPArchive::Release::Codename=leaf -o APT::FTPArchive::DoByHash=true \
	-o APT::FTPArchive::Release::ValidTime=604800 release dists/leaf > $work/Release
grep -q Acquire-By-Hash $work/Release || sed -i '/^Codename/aAcquire-By-Hash: yes' $work/Release
mv $work/Release dists/leaf/Release
gpg -q --batch -u $one -u $two --clearsign -o dists/leaf/InRelease dists/leaf/Release
gpg -q --batch -u $one --armor --detach-sign -o dists/leaf/Release.gpg dists/leaf/Release
gpg -q --batch -u $two --detach-sign -o dists/leaf/Release.two.gpg dists/leaf/Release
# a flat one
mkdir -p $out/flat; cp pool/main/a/alder/alder_1.1-2_amd64.deb $out/flat/; cd $out/flat
apt-ftparchive packages . > Packages; apt-ftparchive release . > $work/R; mv $work/R Release
cd $out; mkdir -p up/flat; cp flat/*.deb up/flat; (cd up; apt-ftparchive packages flat > flat/Packages)

# rpm
r=$out/rpm; mkdir -p "$r/Packages/b"
for v in 1.0 1.1; do
	printf 'Name: birch\nVersion: %s\nRelease: 1\nSummary: a tree\nLicense: MIT\nBuildArch: noarch\nProvides: wood = %s\n%%description\nBark & leaves\n%%files\n' $v $v > $work/birch.spec
	rpmbuild -bb --quiet --define "_buildhost build.example.invalid" --define "_topdir $work/rpm" --define "_rpmdir $r/Packages" --define "_build_name_fmt b/%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm" $work/birch.spec >/dev/null 2>&1
done
createrepo_c -q --revision=1750000000 --set-timestamp-to-revision "$r"
gpg -q --batch -u $one --armor --detach-sign $r/repodata/repomd.xml
cp -r "$r" $out/rpm-plain; rm -r $out/rpm-plain/repodata; createrepo_c -q --simple-md-filenames --general-compress-type=xz --no-database $out/rpm-plain

# arch
a=$out/arch; mkdir -p $a
for v in 1.0-1 1.1-1; do
	mkdir -p $work/arch/$v
	printf 'pkgname = cedar\npkgbase = cedar\npkgver = %s\npkgdesc = a tree\nurl = http://example.invalid\nbuilddate = 1750000000\npackager = Signer one <one@example.invalid>\nsize = 10\narch = any\nlicense = MIT\n' $v > $work/arch/$v/.PKGINFO
	(cd $work/arch/$v; bsdtar --uid 0 --gid 0 -cf - .PKGINFO | zstd -q > "$a/cedar-$v-any.pkg.tar.zst")
done
cd $a; repo-add -q grove.db.tar.gz cedar-1.1-1-any.pkg.tar.zst; gpg -q --batch -u $one --detach-sign grove.db.tar.gz
repo-add -q other.db.tar.zst cedar-1.0-1-any.pkg.tar.zst; find . -name '*.old*' -delete
for l in $(find . -type l); do t=$(readlink $l); rm $l; cp $t $l; done; mv grove.db.tar.gz.sig grove.db.sig
rm -rf "$work"
