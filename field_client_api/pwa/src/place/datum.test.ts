import { describe, expect, it } from "vitest";
import { amapLink, distanceM, gcj02, geoLink } from "./datum";

// Computed by geo/coordinates.py, which is itself tested against the published conversion.
const PAIRS = [
  [105.95, 26.25, 105.95337144077666, 26.24647673544343],
  [116.391265, 39.907333, 116.39750614196507, 39.90873425210246],
  [121.4737, 31.2304, 121.47822305927693, 31.22845773757727],
  [87.6168, 43.8256, 87.61964994946926, 43.82680539311119],
  [114.0, 32.1, 114.00573675659086, 32.09787938995333],
] as const;

describe("GCJ-02", () => {
  it("agrees with the server's conversion to a hundredth of a millimetre", () => {
    for (const [lon, lat, shiftedLon, shiftedLat] of PAIRS) {
      const shifted = gcj02({ lon, lat });
      expect(distanceM(shifted, { lon: shiftedLon, lat: shiftedLat })).toBeLessThan(1e-5);
    }
  });

  it("leaves places outside China alone", () => {
    expect(gcj02({ lon: 2.35, lat: 48.85 })).toEqual({ lon: 2.35, lat: 48.85 });
    expect(gcj02({ lon: 139.69, lat: 35.68 })).toEqual({ lon: 139.69, lat: 35.68 });
  });
});

describe("links to maps", () => {
  const place = { lon: 105.95, lat: 26.25 };

  it("give AMap shifted coordinates and everybody else WGS-84", () => {
    const shifted = "105.953371,26.246477";
    expect(amapLink(place, "明德路 12 号", "Mozilla/5.0 (X11; Linux)")).toContain(`to=${shifted},%E6%98%8E`);
    expect(amapLink(place, "x", "Android 14")).toMatch(/^amapuri:.*dlat=26\.246477&dlon=105\.953371.*dev=0/);
    expect(amapLink(place, "x", "iPhone")).toMatch(/^iosamap:/);
    expect(geoLink(place, "a b")).toBe("geo:26.250000,105.950000?q=26.250000,105.950000(a%20b)");
  });
});

describe("straight lines", () => {
  it("are metres", () => {
    expect(distanceM({ lon: 105.95, lat: 26.25 }, { lon: 105.95, lat: 26.26 })).toBeCloseTo(1111.95, 1);
  });
});
