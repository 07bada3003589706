import { describe, expect, it } from "vitest";
import { Glide } from "./glide";

describe("gliding", () => {
  it("appears where first seen and moves evenly to the next spot", () => {
    const glide = new Glide();
    glide.head("a", { lon: 105, lat: 26 }, 0, 1000);
    expect(glide.at("a", 0)).toEqual({ lon: 105, lat: 26 });
    expect(glide.moving(0)).toBe(false);
    glide.head("a", { lon: 105.01, lat: 26 }, 0, 1000);
    expect(glide.at("a", 500)!.lon).toBeCloseTo(105.005);
    expect(glide.moving(500)).toBe(true);
    expect(glide.at("a", 5000)).toEqual({ lon: 105.01, lat: 26 });
    expect(glide.moving(5000)).toBe(false);
  });
  it("turns from where it is drawn, never from where it was sent", () => {
    const glide = new Glide();
    glide.head("a", { lon: 105, lat: 26 }, 0, 1000);
    glide.head("a", { lon: 105.01, lat: 26 }, 0, 1000);
    glide.head("a", { lon: 105.005, lat: 26.01 }, 500, 1000);
    expect(glide.at("a", 500)!.lon).toBeCloseTo(105.005);
    expect(glide.at("a", 1000)!.lat).toBeCloseTo(26.005);
  });
  it("jumps over a correction instead of driving through houses", () => {
    const glide = new Glide();
    glide.head("a", { lon: 105, lat: 26 }, 0);
    glide.head("a", { lon: 105.5, lat: 26 }, 0);
    expect(glide.at("a", 1)).toEqual({ lon: 105.5, lat: 26 });
  });
  it("forgets a crew that left", () => {
    const glide = new Glide();
    glide.head("a", { lon: 105, lat: 26 }, 0);
    glide.drop("a");
    expect(glide.at("a", 1)).toBeNull();
  });
});
