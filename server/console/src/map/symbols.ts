/**
 * The pictures the map draws: crews by status, stations, the arrow of a moving crew. Belongs
 * here: shapes as canvas drawings, so that no image file is fetched. Each status differs by
 * shape as well as by colour.
 */
import type { CrewStatus } from "../api/types";

export const STATUS_COLOUR: Record<CrewStatus, string> = {
  available: "#58d6a9",
  offered: "#ffc857",
  acknowledged: "#9fd6ff",
  en_route: "#5fb3ff",
  on_scene: "#c8a2ff",
  out_of_service: "#b98a8a",
  off_duty: "#7d8da0",
};

const SIZE = 44;
const INK = "#0b1016";

export interface Picture {
  width: number;
  height: number;
  data: Uint8ClampedArray;
}

function draw(paint: (pen: CanvasRenderingContext2D) => void): Picture {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  if (pen === null) throw new Error("This browser draws no canvas.");
  pen.lineJoin = pen.lineCap = "round";
  paint(pen);
  return { width: SIZE, height: SIZE, data: pen.getImageData(0, 0, SIZE, SIZE).data };
}

function disc(pen: CanvasRenderingContext2D, radius: number, fill: string, ring?: string, width = 3): void {
  pen.beginPath();
  pen.arc(SIZE / 2, SIZE / 2, radius, 0, Math.PI * 2);
  pen.fillStyle = fill;
  pen.fill();
  if (ring) {
    pen.strokeStyle = ring;
    pen.lineWidth = width;
    pen.stroke();
  }
}

function path(pen: CanvasRenderingContext2D, points: readonly [number, number][], close = false): void {
  pen.beginPath();
  points.forEach(([x, y], at) => (at === 0 ? pen.moveTo(x, y) : pen.lineTo(x, y)));
  if (close) pen.closePath();
}

/** One crew: a dark disc ringed in the colour of its status, with that status's own sign. */
export function crewPicture(status: CrewStatus): Picture {
  const colour = STATUS_COLOUR[status];
  const solid = status === "en_route" || status === "on_scene";
  return draw((pen) => {
    pen.shadowColor = "rgba(0,0,0,.65)";
    pen.shadowBlur = 5;
    disc(pen, 14, solid ? colour : INK, solid ? INK : colour, solid ? 2.5 : 3.5);
    pen.shadowBlur = 0;
    const sign = solid ? INK : colour;
    pen.strokeStyle = pen.fillStyle = sign;
    pen.lineWidth = 3.4;
    switch (status) {
      case "available":
        disc(pen, 5, sign);
        break;
      case "offered":
        path(pen, [[22, 15], [22, 23.5]]);
        pen.stroke();
        pen.beginPath();
        pen.arc(22, 29, 2.1, 0, Math.PI * 2);
        pen.fill();
        break;
      case "acknowledged":
        path(pen, [[16, 22.5], [20.5, 27], [28.5, 17.5]]);
        pen.stroke();
        break;
      case "en_route":
        path(pen, [[16.5, 24.5], [22, 17], [27.5, 24.5]]);
        pen.stroke();
        break;
      case "on_scene":
        pen.fillRect(16.5, 16.5, 11, 11);
        break;
      case "out_of_service":
        path(pen, [[17.5, 17.5], [26.5, 26.5]]);
        pen.stroke();
        path(pen, [[26.5, 17.5], [17.5, 26.5]]);
        pen.stroke();
        break;
      case "off_duty":
        path(pen, [[17, 22], [27, 22]]);
        pen.stroke();
        break;
    }
  });
}

/** A small arrowhead that circles the disc, pointing where the crew drives. */
export function headingPicture(): Picture {
  return draw((pen) => {
    pen.shadowColor = "rgba(0,0,0,.7)";
    pen.shadowBlur = 4;
    path(pen, [[22, 0.5], [28.5, 8.5], [15.5, 8.5]], true);
    pen.fillStyle = STATUS_COLOUR.en_route;
    pen.fill();
  });
}

/** A station: a little house, so that nobody takes it for a crew. */
export function stationPicture(): Picture {
  return draw((pen) => {
    pen.shadowColor = "rgba(0,0,0,.65)";
    pen.shadowBlur = 5;
    path(pen, [[8, 22], [22, 9], [36, 22], [36, 35], [8, 35]], true);
    pen.fillStyle = "#dbe6f2";
    pen.fill();
    pen.shadowBlur = 0;
    pen.fillStyle = INK;
    pen.fillRect(18, 24, 8, 11);
  });
}
